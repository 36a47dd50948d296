//! Four numbers in one register, for kernels in which too much hangs on it to be left to the compiler.

/// The processor's way to work on four numbers at once. Results do not depend on whether products and sums are fused by more than
/// rounding.
pub(crate) trait Wide: Copy {
    /// Four numbers.
    type Four: Copy;
    /// Takes numbers from memory.
    fn load(self, x: [f64; 4]) -> Self::Four;
    /// Gives the numbers back.
    fn store(self, x: Self::Four) -> [f64; 4];
    /// The same number four times.
    fn splat(self, x: f64) -> Self::Four;
    /// $a b$.
    fn multiply(self, a: Self::Four, b: Self::Four) -> Self::Four;
    /// $a b + c$.
    fn multiply_add(self, a: Self::Four, b: Self::Four, c: Self::Four) -> Self::Four;
    /// $a + b$.
    fn add(self, a: Self::Four, b: Self::Four) -> Self::Four;
}

/// A piece of work on [`Wide`] numbers. As of a [`Kernel`](super::simd::Kernel), `run` and what it calls must be
/// `#[inline(always)]`.
pub(crate) trait WideKernel {
    /// What the work gives.
    type Output;
    /// Does the work.
    fn run<W: Wide>(self, wide: W) -> Self::Output;
}

/// Runs a kernel with the best instructions that the processor has.
#[inline(always)]
pub(crate) fn dispatch_wide<K: WideKernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    {
        struct Run<K>(K, pulp::x86::V3);
        impl<K: WideKernel> pulp::NullaryFnOnce for Run<K> {
            type Output = K::Output;
            #[inline(always)]
            fn call(self) -> K::Output {
                self.0.run(self.1)
            }
        }
        if let Some(avx2) = pulp::x86::V3::try_new() {
            return avx2.vectorize(Run(kernel, avx2));
        }
    }
    kernel.run(Plain)
}

#[cfg(target_arch = "x86_64")]
impl Wide for pulp::x86::V3 {
    type Four = pulp::f64x4;
    #[inline(always)]
    fn load(self, x: [f64; 4]) -> pulp::f64x4 {
        pulp::cast(x)
    }
    #[inline(always)]
    fn store(self, x: pulp::f64x4) -> [f64; 4] {
        pulp::cast(x)
    }
    #[inline(always)]
    fn splat(self, x: f64) -> pulp::f64x4 {
        self.splat_f64x4(x)
    }
    #[inline(always)]
    fn multiply(self, a: pulp::f64x4, b: pulp::f64x4) -> pulp::f64x4 {
        self.mul_f64x4(a, b)
    }
    #[inline(always)]
    fn multiply_add(self, a: pulp::f64x4, b: pulp::f64x4, c: pulp::f64x4) -> pulp::f64x4 {
        self.mul_add_f64x4(a, b, c)
    }
    #[inline(always)]
    fn add(self, a: pulp::f64x4, b: pulp::f64x4) -> pulp::f64x4 {
        self.add_f64x4(a, b)
    }
}

/// Whatever the compiler makes of it.
#[derive(Clone, Copy)]
struct Plain;

impl Wide for Plain {
    type Four = [f64; 4];
    #[inline(always)]
    fn load(self, x: [f64; 4]) -> [f64; 4] {
        x
    }
    #[inline(always)]
    fn store(self, x: [f64; 4]) -> [f64; 4] {
        x
    }
    #[inline(always)]
    fn splat(self, x: f64) -> [f64; 4] {
        [x; 4]
    }
    #[inline(always)]
    fn multiply(self, a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
        std::array::from_fn(|i| a[i] * b[i])
    }
    #[inline(always)]
    fn multiply_add(self, a: [f64; 4], b: [f64; 4], c: [f64; 4]) -> [f64; 4] {
        const FMA: bool = cfg!(target_arch = "aarch64");
        std::array::from_fn(|i| super::simd::multiply_add::<FMA>(a[i], b[i], c[i]))
    }
    #[inline(always)]
    fn add(self, a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
        std::array::from_fn(|i| a[i] + b[i])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Everything([f64; 4], [f64; 4]);
    impl WideKernel for Everything {
        type Output = [[f64; 4]; 3];
        #[inline(always)]
        fn run<W: Wide>(self, wide: W) -> [[f64; 4]; 3] {
            let (a, b) = (wide.load(self.0), wide.load(self.1));
            let results = [wide.multiply(a, b), wide.multiply_add(a, b, wide.splat(0.5)), wide.add(a, b)];
            results.map(|x| wide.store(x))
        }
    }

    #[test]
    fn every_way_gives_the_same() {
        // Products that are exact, so that fusing changes nothing.
        let (a, b) = ([1.0, -2.0, 0.25, 3.0], [4.0, 0.5, -8.0, 0.0]);
        let expected = [[4.0, -1.0, -2.0, 0.0], [4.5, -0.5, -1.5, 0.5], [5.0, -1.5, -7.75, 3.0]];
        assert_eq!(dispatch_wide(Everything(a, b)), expected);
        assert_eq!(Everything(a, b).run(Plain), expected);
    }
}
