//! A bound model over [`Lanes`]: the right-hand sides of several trajectories at once.

use super::Bound;
use super::layout::Unknown;
use crate::model::Model;
use crate::model::params::{Call, Caller, Params};
use crate::number::{Lanes, Zeros};

/// The parameters of `N` trajectories, one set in each lane; made with [`Bound::lane_parameters`].
#[derive(Clone, Debug)]
pub struct LaneParameters<'p, const N: usize> {
    mechanistic: Vec<Lanes<N>>,
    flat: [&'p [f64]; N],
    /// Whether the weights of all lanes are the same, bit for bit.
    same_weights: bool,
}

impl<'p, const N: usize> LaneParameters<'p, N> {
    /// Puts the flat parameters of another trajectory into a lane.
    pub fn replace(&mut self, lane: usize, flat: &'p [f64]) {
        self.flat[lane] = flat;
        for (lanes, p) in self.mechanistic.iter_mut().zip(flat) {
            lanes.0[lane] = *p;
        }
        let weights = |flat: &'p [f64]| flat.get(self.mechanistic.len()..).unwrap_or_default();
        let first = weights(self.flat[0]);
        let same = |flat: &&'p [f64]| {
            let other = weights(flat);
            std::ptr::eq(first, other)
                || first.len() == other.len() && first.iter().zip(other).all(|(a, b)| a.to_bits() == b.to_bits())
        };
        self.same_weights = self.flat.iter().all(same);
    }
}

impl<M: Model> Bound<'_, M> {
    /// Lays the flat parameters of `N` trajectories out in lanes.
    pub fn lane_parameters<'p, const N: usize>(&self, flat: [&'p [f64]; N]) -> LaneParameters<'p, N> {
        let mechanistic = vec![Lanes::splat(0.0); self.layout.parameters.len()];
        let mut parameters = LaneParameters { mechanistic, flat, same_weights: false };
        for (lane, p) in flat.into_iter().enumerate() {
            parameters.replace(lane, p);
        }
        parameters
    }

    /// Writes $f(t, u, p)$ of `N` trajectories to `du`, one in each lane: [`eval`](crate::model::System::eval) for many.
    ///
    /// The mechanism is evaluated once over lanes; an unknown term for all lanes at once where its weights are the same in
    /// all of them, otherwise lane by lane. Lane `l` of `du` depends on lane `l` of what is given and on nothing else.
    ///
    /// ```
    /// use ansatz::number::Lanes;
    /// use ansatz::prelude::*;
    /// # struct Decay;
    /// # impl Model for Decay {
    /// #     fn states(&self) -> Names { ["u"].into() }
    /// #     fn parameters(&self) -> Names { ["rate"].into() }
    /// #     fn rhs<R: Real>(&self, _t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
    /// #         let [rate] = p.parameters();
    /// #         du[0] = -rate * u[0];
    /// #     }
    /// # }
    /// let bound = Bound::new(&Decay)?;
    /// let p = bound.lane_parameters([&[2.0], &[1.0]]);
    /// let mut du = [Lanes::splat(0.0)];
    /// bound.eval_lanes(Lanes::splat(0.0), &[Lanes([3.0, 5.0])], &p, &mut du);
    /// assert_eq!(du, [Lanes([-6.0, -5.0])]);
    /// # Ok::<(), ansatz::Error>(())
    /// ```
    #[inline(always)]
    pub fn eval_lanes<const N: usize>(
        &self,
        t: Lanes<N>,
        u: &[Lanes<N>],
        p: &LaneParameters<'_, N>,
        du: &mut [Lanes<N>],
    ) {
        let caller = InLanes { unknowns: &self.layout.unknowns, p };
        self.model.rhs(t, u, &Params::new(&p.mechanistic, &caller), du);
    }
}

/// Answers calls with values in lanes.
struct InLanes<'b, 'a, 'p, const N: usize> {
    unknowns: &'b [Unknown<'a>],
    p: &'b LaneParameters<'p, N>,
}

impl<const N: usize> Caller<Lanes<N>> for InLanes<'_, '_, '_, N> {
    fn call(&self, address: usize, x: &[Lanes<N>], y: &mut [Lanes<N>]) -> Call<'_> {
        let Some(unknown) = self.unknowns.iter().find(|u| u.address == address) else { return Call::Unknown };
        let weights = |lane: usize| &self.p.flat[lane][unknown.weights..][..unknown.block.weight_count()];
        if self.p.same_weights {
            let (mut x_lanes, mut y_lanes) = (Zeros::<f64>::new(x.len() * N), Zeros::<f64>::new(y.len() * N));
            for (i, lanes) in x_lanes.as_chunks_mut::<N>().0.iter_mut().enumerate() {
                *lanes = unknown.scaling.input(i, x[i]).0;
            }
            unknown.block.eval_lanes(weights(0), N, &x_lanes, &mut y_lanes);
            for (y, lanes) in y.iter_mut().zip(y_lanes.as_chunks::<N>().0) {
                *y = Lanes(*lanes);
            }
        } else {
            let (mut x_lane, mut y_lane) = (Zeros::<f64>::new(x.len()), Zeros::<f64>::new(y.len()));
            for l in 0..N {
                for (i, x_lane) in x_lane.iter_mut().enumerate() {
                    *x_lane = unknown.scaling.input(i, x[i].0[l]);
                }
                unknown.block.eval(weights(l), &x_lane, &mut y_lane);
                for (y, y_lane) in y.iter_mut().zip(y_lane.iter()) {
                    y.0[l] = *y_lane;
                }
            }
        }
        for (o, y) in y.iter_mut().enumerate() {
            *y = unknown.scaling.output(o, *y);
        }
        Call::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Names, Scaling, System, Unknowns};
    use crate::network::{Activation, Block, Mlp};
    use crate::number::Real;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    struct Interaction {
        network: Mlp<2, 2>,
    }

    impl Model for Interaction {
        fn states(&self) -> Names {
            ["prey", "predator"].into()
        }
        fn parameters(&self) -> Names {
            ["growth", "decay"].into()
        }
        fn unknowns(&self) -> Unknowns<'_> {
            Unknowns::of("interaction", &self.network)
        }
        fn rhs<R: Real>(&self, t: R, u: &[R], p: &Params<R>, du: &mut [R]) {
            let [growth, decay] = p.parameters();
            let f = p.call(&self.network, [u[0], u[1]]);
            du[0] = growth * u[0] + f[0] * t.sin();
            du[1] = -decay * u[1] + f[1];
        }
    }

    /// Each lane with its own time, state and parameters, with and without weights of its own: bit for bit as `eval`.
    fn check<const N: usize>(same_weights: bool, scaled: bool) {
        let model = Interaction { network: Mlp::new([5, 3], Activation::Tanh) };
        let mut bound = Bound::new(&model).unwrap();
        if scaled {
            bound.set_scaling(0, Scaling::new(&[1.0, 2.0], &[3.0, 0.5], &[10.0, 0.1]));
        }
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let flat: [Vec<f64>; N] = std::array::from_fn(|l| {
            let mut p = vec![0.1 * l as f64; 2 + model.network.weight_count()];
            if same_weights {
                rng = ChaCha8Rng::seed_from_u64(7);
            }
            bound.initialize(&mut rng, &mut p);
            p
        });
        let number = |a: f64| Lanes::<N>(std::array::from_fn(|l| (a * (l + 1) as f64).sin() * 3.0));
        let (t, u) = (number(0.3), [number(0.7), number(1.1)]);
        let p = bound.lane_parameters(flat.each_ref().map(Vec::as_slice));
        assert_eq!(p.same_weights, same_weights);
        let mut du = [Lanes::splat(f64::NAN); 2];
        bound.eval_lanes(t, &u, &p, &mut du);
        for l in 0..N {
            let mut plain = [0.0; 2];
            bound.eval(t.0[l], &u.map(|u| u.0[l]), &flat[l], &mut plain);
            assert_eq!(du.map(|d| d.0[l].to_bits()), plain.map(f64::to_bits), "lane {l} of {N}");
        }
    }

    #[test]
    fn every_lane_is_an_evaluation_of_its_own() {
        for (same_weights, scaled) in [(false, false), (false, true), (true, false), (true, true)] {
            check::<4>(same_weights, scaled);
            check::<8>(same_weights, scaled);
            check::<16>(same_weights, scaled);
        }
    }

    #[test]
    fn a_lane_can_be_given_to_another_trajectory() {
        let model = Interaction { network: Mlp::new([2], Activation::Tanh) };
        let bound = Bound::new(&model).unwrap();
        let a = vec![0.5; 2 + model.network.weight_count()];
        let (mut b, mut c) = (a.clone(), a.clone());
        b[1] = 7.0;
        c[2] = -0.5;
        let mut p = bound.lane_parameters([&a[..]; 4]);
        p.replace(2, &b);
        assert!(p.same_weights && p.mechanistic[1] == Lanes([0.5, 0.5, 7.0, 0.5]));
        p.replace(3, &c);
        assert!(!p.same_weights);
        p.replace(3, &a);
        assert!(p.same_weights);
    }
}
