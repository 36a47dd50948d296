//! Fits in safetensors files.

use super::engine::{Fitting, Progress};
use super::levenberg_marquardt::StopCause;
use super::observations::Point;
use super::shooting::{Linearized, Shooting};
use super::{FitError, Optimizer, Prepared};
use crate::model::{Bound, Differentiable, Model, Scaling};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// What a saved fit keeps beside its numbers.
#[derive(Serialize, Deserialize)]
struct Notes {
    decay: f64,
    cause: StopCause,
    iterations: usize,
    effective: f64,
    history: Vec<Progress>,
    optimizer: Optimizer,
    seed: u64,
    starts: usize,
}

/// The key of the notes in the file's metadata.
const NOTES: &str = "ansatz.fit";

pub(super) fn write<M: Model>(path: &Path, bound: &Bound<'_, M>, fitting: &Fitting, seed: u64) -> crate::Result<()> {
    let fault = |reason: String| FitError::File { action: "writing", path: path.display().to_string(), reason };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|e| fault(e.to_string()))?;
    }
    let point = &fitting.point;
    let mut tensors: Vec<(String, Vec<f64>)> = vec![
        ("parameters".to_string(), point.parameters[..bound.parameters().len()].to_vec()),
        ("initial".to_string(), point.initial.clone()),
    ];
    for (k, name) in bound.unknowns().enumerate() {
        let (shift, inputs, outputs) = bound.scaling_of(k).parts();
        tensors.push((format!("{name}.weights"), point.parameters[bound.weights_of(k)].to_vec()));
        tensors.push((format!("{name}.input_shift"), shift));
        tensors.push((format!("{name}.input_scale"), inputs));
        tensors.push((format!("{name}.output_scale"), outputs));
    }
    let notes = Notes {
        decay: fitting.decay,
        cause: fitting.cause,
        iterations: fitting.iterations,
        effective: fitting.effective,
        history: fitting.history.clone(),
        optimizer: fitting.optimizer,
        seed,
        starts: fitting.starts,
    };
    let notes = serde_json::to_string(&notes).map_err(|e| fault(e.to_string()))?;
    let bytes: Vec<(String, Vec<u8>, usize)> = tensors
        .into_iter()
        .map(|(name, values)| (name, values.iter().flat_map(|x| x.to_le_bytes()).collect(), values.len()))
        .collect();
    let views = bytes
        .iter()
        .map(|(name, data, len)| Ok((name.as_str(), TensorView::new(Dtype::F64, vec![*len], data)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|e| fault(e.to_string()))?;
    let metadata = HashMap::from([(NOTES.to_string(), notes)]);
    let file = safetensors::serialize(views, Some(metadata)).map_err(|e| fault(e.to_string()))?;
    std::fs::write(path, file).map_err(|e| fault(e.to_string()))?;
    Ok(())
}

/// Reads numbers and scales into `prepared`, and evaluates the fit at them.
pub(super) fn read<M: Model>(path: &Path, prepared: &mut Prepared<'_, M>) -> crate::Result<(Fitting, u64)> {
    let fault = |reason: String| FitError::File { action: "reading", path: path.display().to_string(), reason };
    let file = std::fs::read(path).map_err(|e| fault(e.to_string()))?;
    let alien = |e: &dyn std::fmt::Display| fault(format!("{e}; is it a file that `Fitted::save` wrote?"));
    let tensors = SafeTensors::deserialize(&file).map_err(|e| alien(&e))?;
    let (_, metadata) = SafeTensors::read_metadata(&file).map_err(|e| alien(&e))?;
    let notes: Notes = metadata
        .metadata()
        .as_ref()
        .and_then(|m| m.get(NOTES))
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| alien(&"it holds no fit"))?;
    let values = |name: &str, expected: Option<usize>| -> Result<Vec<f64>, FitError> {
        let missing = |_| fault(format!("it has no `{name}`; was another model fitted?"));
        let tensor = tensors.tensor(name).map_err(missing)?;
        let found: Vec<f64> = tensor.data().as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
        match expected {
            Some(n) if n != found.len() => {
                let len = found.len();
                Err(fault(format!("`{name}` has {len} values, and this model {n}; was another model fitted?")))
            }
            _ => Ok(found),
        }
    };
    let Prepared { bound, observations, layout, settings, point } = prepared;
    let mut parameters = values("parameters", Some(bound.parameters().len()))?;
    for (j, name) in bound.parameters().iter().enumerate().filter(|(j, _)| !layout.free.contains(j)) {
        if parameters[j] != point.parameters[j] {
            let (kept, known) = (parameters[j], point.parameters[j]);
            return Err(fault(format!("`{name}` was {kept} in the saved fit, and is known to be {known} here")).into());
        }
    }
    parameters.resize(bound.parameter_count(), 0.0);
    let names: Vec<String> = bound.unknowns().map(str::to_string).collect();
    for (k, name) in names.iter().enumerate() {
        let range = bound.weights_of(k);
        parameters[range.clone()].copy_from_slice(&values(&format!("{name}.weights"), Some(range.len()))?);
        let (inputs, outputs) = bound.shape_of(k);
        let part = |part: &str, len| values(&format!("{name}.{part}"), Some(len));
        let scaling =
            Scaling::new(&part("input_shift", inputs)?, &part("input_scale", inputs)?, &part("output_scale", outputs)?);
        bound.set_scaling(k, scaling);
    }
    *point = Point { parameters, initial: values("initial", Some(point.initial.len()))? };
    let mut problem =
        Shooting::new(&*bound, observations, layout.clone(), &observations.scale, &settings.options, point.clone());
    let mut current = Linearized::default();
    problem.linearize(&problem.start(), usize::MAX, &mut current).map_err(|_| {
        fault("the fit in it cannot be solved over this data; was it fitted to other data?".to_string())
    })?;
    let fitting = Fitting {
        point: point.clone(),
        decay: notes.decay,
        cause: notes.cause,
        iterations: notes.iterations,
        squares: current.squares(),
        effective: notes.effective,
        states: (0..observations.trajectories.len()).map(|j| problem.states(j).to_vec()).collect(),
        history: notes.history,
        optimizer: notes.optimizer,
        starts: notes.starts,
    };
    Ok((fitting, notes.seed))
}
