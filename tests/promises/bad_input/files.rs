//! Saved fits and laws that are missing, damaged or another's.

use super::{assert_refused, refused, says};
use crate::problems::{Interaction, LotkaVolterra};
use ansatz::Error;
use ansatz::discover::DiscoverError;
use ansatz::fit::FitError;
use ansatz::prelude::*;

const TIMES: [f64; 8] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];
const VALUES: [f64; 16] = [0.44, 4.6, 0.34, 4.0, 0.28, 3.4, 0.24, 2.9, 0.21, 2.5, 0.20, 2.1, 0.18, 1.78, 0.18, 1.5];

fn data() -> TimeSeries {
    TimeSeries::new(["prey", "predator"], &TIMES, &VALUES).unwrap()
}

fn fit<'a>(model: &'a Interaction, data: &'a TimeSeries) -> Fit<'a, Interaction> {
    Fit::new(model, data).known([1.3, 1.8]).max_iterations(3)
}

#[test]
fn a_fit_from_a_file_that_is_missing() {
    let (model, data, place) = (Interaction::new(Activation::Rbf), data(), tempfile::tempdir().unwrap());
    let path = place.path().join("nowhere.safetensors");
    assert_refused!(
        fit(&model, &data).load(&path),
        Error::Fit(FitError::File { action: "reading", path: named, .. }) if named.ends_with("nowhere.safetensors"),
        ["reading", "nowhere.safetensors", "failed", "No such file"]
    );
}

#[test]
fn a_fit_from_a_file_that_is_damaged() {
    let (model, data, place) = (Interaction::new(Activation::Rbf), data(), tempfile::tempdir().unwrap());
    let path = place.path().join("fit.safetensors");
    fit(&model, &data).run().unwrap().save(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    // Cut short anywhere, it is refused: in the header, between the tensors, one byte before the end.
    for keep in [0, 4, 8, 20, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..keep]).unwrap();
        let error = refused(fit(&model, &data).load(&path));
        assert!(matches!(error, Error::Fit(FitError::File { action: "reading", .. })), "{keep} bytes: {error:?}");
        says(&error, &["reading", "fit.safetensors", "is it a file that `Fitted::save` wrote?"]);
    }
    std::fs::write(&path, "prey,predator\n1,2\n").unwrap();
    let error = refused(fit(&model, &data).load(&path));
    says(&error, &["fit.safetensors", "is it a file that `Fitted::save` wrote?"]);
}

/// A number in the file that is NaN must not come out as a fit.
#[test]
fn a_fit_from_a_file_with_a_nan() {
    let (model, data, place) = (Interaction::new(Activation::Rbf), data(), tempfile::tempdir().unwrap());
    let path = place.path().join("fit.safetensors");
    let weight = {
        let fitted = fit(&model, &data).run().unwrap();
        fitted.save(&path).unwrap();
        fitted.parameters()[2]
    };
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(8).position(|w| w == weight.to_le_bytes()).unwrap();
    bytes[at..at + 8].copy_from_slice(&f64::NAN.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    assert_refused!(
        fit(&model, &data).load(&path),
        Error::Fit(FitError::File { action: "reading", .. }),
        ["reading", "fit.safetensors"]
    );
}

#[test]
fn a_fit_from_another_models_file() {
    let (model, data, place) = (Interaction::new(Activation::Rbf), data(), tempfile::tempdir().unwrap());
    let path = place.path().join("fit.safetensors");
    fit(&model, &data).run().unwrap().save(&path).unwrap();
    assert_refused!(
        Fit::new(&LotkaVolterra, &data).estimate([1.3, 0.9, 0.8, 1.8]).load(&path),
        Error::Fit(FitError::File { action: "reading", .. }),
        ["`parameters` has 2 values", "this model 4", "another model"]
    );
    let wider = Interaction { network: Mlp::new([6, 5, 5], Activation::Rbf) };
    assert_refused!(
        fit(&wider, &data).load(&path),
        Error::Fit(FitError::File { .. }),
        ["`interaction.weights` has 87 values", "this model 95", "another model"]
    );
    // And the other way round: a file without the unknown term.
    let plain = place.path().join("plain.safetensors");
    Fit::new(&LotkaVolterra, &data).estimate([1.3, 0.9, 0.8, 1.8]).run().unwrap().save(&plain).unwrap();
    assert_refused!(fit(&model, &data).load(&plain), Error::Fit(FitError::File { .. }), ["another model"]);
    // The same model over other data.
    let two = TimeSeries::from_trajectories(
        ["prey", "predator"],
        vec![data.trajectories()[0].clone(), {
            ansatz::data::Trajectory::new("second", &TIMES, &VALUES.map(|v| 1.1 * v)).unwrap()
        }],
    )
    .unwrap();
    assert_refused!(fit(&model, &two).load(&path), Error::Fit(FitError::File { .. }), ["`initial` has 2 values", "4"]);
}

#[test]
fn a_fit_to_a_place_that_is_none() {
    let (model, data, place) = (Interaction::new(Activation::Rbf), data(), tempfile::tempdir().unwrap());
    let fitted = fit(&model, &data).run().unwrap();
    // A file stands where the directory should be.
    let file = place.path().join("file");
    std::fs::write(&file, "x").unwrap();
    assert_refused!(
        fitted.save(file.join("fit.safetensors")),
        Error::Fit(FitError::File { action: "writing", .. }),
        ["writing", "fit.safetensors", "failed"]
    );
    assert_refused!(fitted.save(place.path()), Error::Fit(FitError::File { action: "writing", .. }), ["writing"]);
}

fn law(model: &Interaction, data: &TimeSeries) -> Law {
    let fitted = fit(model, data).run().unwrap();
    Discovery::new(&fitted).library(Library::polynomials(2)).bootstraps(0).run().unwrap()
}

#[test]
fn a_law_from_a_file_that_is_missing_or_damaged() {
    let (model, data, place) = (Interaction::new(Activation::Rbf), data(), tempfile::tempdir().unwrap());
    let path = place.path().join("law.json");
    assert_refused!(
        Law::load(&path),
        Error::Discover(DiscoverError::File { action: "reading", path: named, .. }) if named.ends_with("law.json"),
        ["reading", "law.json", "No such file"]
    );
    law(&model, &data).save(&path).unwrap();
    let whole = std::fs::read_to_string(&path).unwrap();
    for keep in [0, 1, whole.len() / 2, whole.len() - 2] {
        std::fs::write(&path, &whole[..keep]).unwrap();
        assert_refused!(
            Law::load(&path),
            Error::Discover(DiscoverError::File { action: "reading", .. }),
            ["law.json", "is it a file that `Law::save` wrote?"]
        );
    }
    std::fs::write(&path, "{\"states\": [\"prey\"]}").unwrap();
    assert_refused!(
        Law::load(&path),
        Error::Discover(DiscoverError::File { .. }),
        ["is it a file that `Law::save` wrote?"]
    );
}

/// Valid JSON whose parts do not fit together must be refused when it is read, not panic when it is used.
#[test]
fn a_law_whose_parts_do_not_fit_together() {
    let (model, data, place) = (Interaction::new(Activation::Rbf), data(), tempfile::tempdir().unwrap());
    let path = place.path().join("law.json");
    law(&model, &data).save(&path).unwrap();
    let whole: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let accepted: Vec<&str> =
        ["states", "parameters", "noise", "initial", "formula/ops", "formula/outputs", "fit_quality/residual"]
            .into_iter()
            .filter(|part| {
                let mut damaged = whole.clone();
                let list = damaged.pointer_mut(&format!("/{part}")).unwrap_or_else(|| panic!("no {part}: {whole:#}"));
                list.as_array_mut().unwrap().pop();
                std::fs::write(&path, damaged.to_string()).unwrap();
                match Law::load(&path) {
                    Ok(_) => true,
                    Err(error) => {
                        assert!(matches!(error, Error::Discover(DiscoverError::File { .. })), "{part}: {error:?}");
                        says(&error, &["law.json"]);
                        false
                    }
                }
            })
            .collect();
    assert!(accepted.is_empty(), "laws without their last entry of {accepted:?} were accepted");
}
