use super::gmres::Stop;
use super::krylov::HasIterative;
use super::scalar::Scalar;
use super::{Kind, LinearError, LinearSolver, Plan, Shifted, Singular};
use crate::model::{MassError, MassMatrix, Sparsity};
use faer::c64;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SIZES: [usize; 19] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 33, 63, 64, 65, 96, 97, 127, 257];

/// Random numbers of either kind.
trait Random: HasIterative {
    fn random(rng: &mut ChaCha8Rng) -> Self;
}
impl Random for f64 {
    fn random(rng: &mut ChaCha8Rng) -> f64 {
        rng.random_range(-1.0..1.0)
    }
}
impl Random for c64 {
    fn random(rng: &mut ChaCha8Rng) -> c64 {
        c64::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0))
    }
}

fn random_pattern(n: usize, per_column: usize, rng: &mut ChaCha8Rng) -> Sparsity {
    let entries: Vec<(usize, usize)> =
        (0..per_column * n).map(|_| (rng.random_range(0..n), rng.random_range(0..n))).collect();
    Sparsity::from_entries(n, &entries).unwrap()
}

/// $W = \sigma M - J$ by rows and columns, from the definition.
fn full<T: Scalar>(sigma: T, mass: Option<&MassMatrix>, pattern: &Sparsity, jacobian: &[f64]) -> Vec<Vec<T>> {
    let n = pattern.dimension();
    let mut w = vec![vec![T::ZERO; n]; n];
    for (j, rows) in pattern.columns().enumerate() {
        for (k, &i) in rows.iter().enumerate() {
            w[i][j] -= T::real(jacobian[pattern.starts()[j] + k]);
        }
    }
    match mass {
        None => (0..n).for_each(|i| w[i][i] += sigma),
        Some(mass) => mass.entries().iter().for_each(|&(i, j, m)| w[i][j] += sigma.scaled(m)),
    }
    w
}

/// $\lVert W x - b \rVert / (\lVert W \rVert \lVert x \rVert)$ in maximum norms.
fn residual<T: Scalar>(w: &[Vec<T>], x: &[T], b: &[T]) -> f64 {
    let largest = |x: &[T]| x.iter().map(|x| x.magnitude()).fold(0.0, f64::max);
    let norm = w.iter().map(|row| row.iter().map(|w| w.magnitude()).sum()).fold(0.0, f64::max);
    let difference: Vec<T> =
        w.iter().zip(b).map(|(row, &b)| row.iter().zip(x).fold(-b, |sum, (&w, &x)| sum + w * x)).collect();
    largest(&difference) / (norm * largest(x))
}

/// Backward error that Gaussian elimination with the pivots at hand may have: a small multiple of $n \epsilon$.
fn tolerance(n: usize) -> f64 {
    8.0 * n as f64 * f64::EPSILON
}

fn solves<T: Random>(
    shifted: &mut Shifted<T>,
    sigma: T,
    mass: Option<&MassMatrix>,
    pattern: &Sparsity,
    jacobian: &[f64],
    rng: &mut ChaCha8Rng,
) {
    let n = pattern.dimension();
    let w = full(sigma, mass, pattern, jacobian);
    shifted.factorize(sigma, jacobian).unwrap_or_else(|error| panic!("n = {n}: {error}"));
    for _ in 0..2 {
        let b: Vec<T> = (0..n).map(|_| T::random(rng)).collect();
        let mut x = b.clone();
        shifted.solve(&mut x).unwrap();
        let error = residual(&w, &x, &b);
        assert!(error <= tolerance(n), "n = {n}: backward error {error:e}, {}", shifted.kind());
    }
}

fn dense_systems<T: Random>() {
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    for n in SIZES {
        let pattern = Sparsity::dense(n);
        let mut shifted = Shifted::<T>::new(n, None, None, LinearSolver::Dense).unwrap();
        assert_eq!(shifted.kind(), Kind::Dense { n });
        // Random matrices need new pivots every time; the last two have the same.
        let mut jacobian = vec![0.0; n * n];
        for round in 0..4 {
            if round < 3 {
                jacobian.fill_with(|| f64::random(&mut rng));
            }
            solves(&mut shifted, T::random(&mut rng).scaled(0.01), None, &pattern, &jacobian, &mut rng);
        }
        // A permutation: nothing on the diagonal but for one place where n is odd.
        let reversed: Vec<f64> = (0..n * n).map(|k| f64::from(k / n + k % n + 1 == n)).collect();
        solves(&mut shifted, T::ZERO, None, &pattern, &reversed, &mut rng);
        solves(&mut shifted, T::real(1e-3), None, &pattern, &reversed, &mut rng);
        let entries: Vec<(usize, usize, f64)> =
            (0..2 * n).map(|_| (rng.random_range(0..n), rng.random_range(0..n), f64::random(&mut rng))).collect();
        let mass = MassMatrix::from_entries(n, &entries);
        let mut shifted = Shifted::<T>::new(n, None, Some(&mass), LinearSolver::Automatic).unwrap();
        for _ in 0..2 {
            jacobian.fill_with(|| f64::random(&mut rng));
            solves(&mut shifted, T::random(&mut rng).scaled(3.0), Some(&mass), &pattern, &jacobian, &mut rng);
        }
    }
}

#[test]
fn dense_systems_are_solved() {
    dense_systems::<f64>();
}

#[test]
fn dense_complex_systems_are_solved() {
    dense_systems::<c64>();
}

fn sparse_systems<T: Random>() {
    let mut rng = ChaCha8Rng::seed_from_u64(22);
    for n in SIZES {
        for per_column in [0, 1, 3, 6] {
            let pattern = random_pattern(n, per_column, &mut rng);
            let mass = MassMatrix::diagonal((0..n).map(|_| rng.random_range(0.5..2.0)).collect::<Vec<_>>());
            for mass in [None, Some(&mass)] {
                let mut sparse = Shifted::<T>::new(n, Some(&pattern), mass, LinearSolver::Sparse).unwrap();
                let mut dense = Shifted::<T>::new(n, Some(&pattern), mass, LinearSolver::Dense).unwrap();
                let mut jacobian = vec![0.0; pattern.entry_count()];
                // From a small step, where the diagonal is large, to a large one, where it means little.
                for size in [20.0, 2.0, 0.1, 1e-3, 5.0] {
                    jacobian.fill_with(|| f64::random(&mut rng));
                    let sigma = (T::random(&mut rng) + T::real(2.0)).scaled(size);
                    solves(&mut sparse, sigma, mass, &pattern, &jacobian, &mut rng);
                    solves(&mut dense, sigma, mass, &pattern, &jacobian, &mut rng);
                }
            }
        }
    }
}

#[test]
fn sparse_systems_are_solved() {
    sparse_systems::<f64>();
}

#[test]
fn sparse_complex_systems_are_solved() {
    sparse_systems::<c64>();
}

/// Differential equations for half of the states and constraints, with zeros on the diagonal, for the others:
/// $\begin{pmatrix} \sigma I - A & B \\ C & 0 \end{pmatrix}$.
fn constrained<T: Random>() {
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    for half in [1, 2, 4, 8, 9, 33, 65, 150] {
        let n = 2 * half;
        let mut entries = Vec::new();
        for i in 0..half {
            entries.extend([(i, i), (i, half + i), (half + i, i)]);
            for _ in 0..3 {
                let (j, k) = (rng.random_range(0..half), rng.random_range(0..half));
                entries.extend([(i, j), (half + j, k), (k, half + j)]);
            }
        }
        let pattern = Sparsity::from_entries(n, &entries).unwrap();
        let mass = MassMatrix::diagonal((0..n).map(|i| f64::from(i < half)).collect::<Vec<_>>());
        let mut sparse = Shifted::<T>::new(n, Some(&pattern), Some(&mass), LinearSolver::Sparse).unwrap();
        let mut jacobian = vec![0.0; pattern.entry_count()];
        for _ in 0..6 {
            jacobian.fill_with(|| f64::random(&mut rng));
            solves(&mut sparse, T::random(&mut rng).scaled(100.0), Some(&mass), &pattern, &jacobian, &mut rng);
        }
    }
}

#[test]
fn constraints_with_zeros_on_the_diagonal_are_solved() {
    constrained::<f64>();
    constrained::<c64>();
}

/// A cyclic shift: every diagonal entry is zero and stays so until the end.
#[test]
fn a_sparse_permutation_needs_pivots_from_anywhere() {
    let n = 200;
    let entries: Vec<(usize, usize)> = (0..n).map(|j| ((j + 1) % n, j)).collect();
    let pattern = Sparsity::from_entries(n, &entries).unwrap();
    let mut sparse = Shifted::<f64>::new(n, Some(&pattern), None, LinearSolver::Sparse).unwrap();
    let jacobian = vec![-1.0; n];
    for _ in 0..5 {
        sparse.factorize(0.0, &jacobian).unwrap();
        let mut x: Vec<f64> = (0..n).map(|i| i as f64).collect();
        sparse.solve(&mut x).unwrap();
        for (j, x) in x.iter().enumerate() {
            assert_eq!(*x, ((j + 1) % n) as f64);
        }
        assert_eq!(sparse.kind(), Kind::Sparse { n, entries: n, pivots_from_anywhere: true });
    }
    // A diagonal that outweighs the rest brings the fronts back before long.
    let mut rng = ChaCha8Rng::seed_from_u64(24);
    for _ in 0..64 {
        solves(&mut sparse, 10.0, None, &pattern, &jacobian, &mut rng);
    }
    assert!(matches!(sparse.kind(), Kind::Sparse { pivots_from_anywhere: false, .. }));
}

/// Tiny pivots make the factors on fronts inaccurate; what is returned is accurate all the same.
#[test]
fn bad_pivots_do_not_spoil_the_solution() {
    let mut rng = ChaCha8Rng::seed_from_u64(25);
    let n = 400;
    // The shift makes sure that there are pivots without the diagonal.
    let mut entries: Vec<(usize, usize)> = (0..n).flat_map(|i| [(i, i), ((i + 1) % n, i)]).collect();
    entries.extend((0..4 * n).map(|_| (rng.random_range(0..n), rng.random_range(0..n))));
    let pattern = Sparsity::from_entries(n, &entries).unwrap();
    for tiny in [1e-2, 1e-4, 1e-6, 1e-8, 1e-12, 1e-16, 0.0] {
        let mut sparse = Shifted::<f64>::new(n, Some(&pattern), None, LinearSolver::Sparse).unwrap();
        let mut jacobian = vec![0.0; pattern.entry_count()];
        jacobian.fill_with(|| f64::random(&mut rng));
        for i in 0..n {
            jacobian[pattern.position(i, i).unwrap()] *= tiny;
        }
        solves(&mut sparse, 0.0, None, &pattern, &jacobian, &mut rng);
    }
}

#[test]
fn singular_matrices_name_the_column() {
    let mut rng = ChaCha8Rng::seed_from_u64(26);
    for n in SIZES {
        for column in [0, n / 2, n - 1] {
            // A state that stands in no equation.
            let mut jacobian = vec![0.0; n * n];
            jacobian.fill_with(|| f64::random(&mut rng));
            jacobian[column * n..][..n].fill(0.0);
            let mass: Vec<f64> = (0..n).map(|i| f64::from(i != column)).collect();
            let mass = MassMatrix::diagonal(mass);
            let mut real = Shifted::<f64>::new(n, None, Some(&mass), LinearSolver::Dense).unwrap();
            let mut complex = Shifted::<c64>::new(n, None, Some(&mass), LinearSolver::Dense).unwrap();
            assert_eq!(real.factorize(3.0, &jacobian), Err(Singular { column }), "n = {n}");
            assert_eq!(complex.factorize(c64::new(3.0, 2.0), &jacobian), Err(Singular { column }), "n = {n}");

            let pattern = Sparsity::from_entries(
                n,
                &(0..4 * n).map(|_| (rng.random_range(0..n), rng.random_range(0..n))).collect::<Vec<_>>(),
            )
            .unwrap();
            let mut jacobian = vec![0.0; pattern.entry_count()];
            jacobian.fill_with(|| f64::random(&mut rng));
            jacobian[pattern.starts()[column]..pattern.starts()[column + 1]].fill(0.0);
            let mut real = Shifted::<f64>::new(n, Some(&pattern), Some(&mass), LinearSolver::Sparse).unwrap();
            let mut complex = Shifted::<c64>::new(n, Some(&pattern), Some(&mass), LinearSolver::Sparse).unwrap();
            assert_eq!(real.factorize(30.0, &jacobian), Err(Singular { column }), "n = {n}");
            assert_eq!(complex.factorize(c64::new(30.0, 20.0), &jacobian), Err(Singular { column }), "n = {n}");
            // And it recovers: with the missing entry there the matrix is regular.
            let mut real = Shifted::<f64>::new(n, Some(&pattern), None, LinearSolver::Sparse).unwrap();
            assert!(real.factorize(0.0, &vec![0.0; pattern.entry_count()]).is_err());
            solves(&mut real, 30.0, None, &pattern, &jacobian, &mut rng);
        }
    }
}

/// Column 2 is the sum of columns 0 and 1, exactly.
#[test]
fn a_dependent_column_is_found_when_the_arithmetic_is_exact() {
    for n in [3, 4, 8, 9, 20, 100] {
        let mut jacobian = vec![0.0; n * n];
        for i in 0..n {
            jacobian[i * n + i] = -2.0;
        }
        jacobian[2 * n..][..n].fill(0.0);
        jacobian[2 * n] = -2.0;
        jacobian[2 * n + 1] = -2.0;
        let mut shifted = Shifted::<f64>::new(n, None, None, LinearSolver::Dense).unwrap();
        assert_eq!(shifted.factorize(0.0, &jacobian), Err(Singular { column: 2 }));
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    for n in [1, 3, 8, 12, 40, 100] {
        for bad in [f64::NAN, f64::INFINITY] {
            for place in [0, n * n / 2, n * n - 1] {
                let mut jacobian: Vec<f64> = (0..n * n).map(|k| (k as f64 * 0.7).sin()).collect();
                jacobian[place] = bad;
                let mut dense = Shifted::<f64>::new(n, None, None, LinearSolver::Dense).unwrap();
                assert!(dense.factorize(1.0, &jacobian).is_err(), "n = {n}, {bad} at {place}");
                let pattern = Sparsity::dense(n);
                let mut sparse = Shifted::<f64>::new(n, Some(&pattern), None, LinearSolver::Sparse).unwrap();
                assert!(sparse.factorize(1.0, &jacobian).is_err(), "n = {n}, {bad} at {place}, sparse");
            }
        }
    }
}

/// Five-point stencil of $-\Delta u + v \cdot \nabla u$ with upwind differences on an `m × m` grid.
fn convection_diffusion(m: usize, velocity: (f64, f64)) -> (Sparsity, Vec<f64>) {
    let n = m * m;
    let h = 1.0 / (m + 1) as f64;
    let mut entries = Vec::new();
    for j in 0..m {
        for i in 0..m {
            let c = j * m + i;
            let mut neighbour = |inside: bool, other: usize, wind: f64| {
                let value = 1.0 / (h * h) + wind.max(0.0) / h;
                entries.push((c, c, -value));
                if inside {
                    entries.push((c, other, value));
                }
            };
            neighbour(i > 0, c.wrapping_sub(1), velocity.0);
            neighbour(i + 1 < m, c + 1, -velocity.0);
            neighbour(j > 0, c.wrapping_sub(m), velocity.1);
            neighbour(j + 1 < m, c + m, -velocity.1);
        }
    }
    let places: Vec<(usize, usize)> = entries.iter().map(|&(i, j, _)| (i, j)).collect();
    let pattern = Sparsity::from_entries(n, &places).unwrap();
    let mut jacobian = vec![0.0; pattern.entry_count()];
    for (i, j, value) in entries {
        jacobian[pattern.position(i, j).unwrap()] += value;
    }
    (pattern, jacobian)
}

#[test]
fn gmres_converges_on_convection_and_diffusion() {
    let m = 40;
    let (pattern, jacobian) = convection_diffusion(m, (30.0, -12.0));
    let n = m * m;
    let mut rng = ChaCha8Rng::seed_from_u64(27);
    let b: Vec<f64> = (0..n).map(|_| f64::random(&mut rng)).collect();
    let mut direct = Shifted::<f64>::new(n, Some(&pattern), None, LinearSolver::Sparse).unwrap();
    let mut krylov = Shifted::<f64>::new(n, Some(&pattern), None, LinearSolver::Krylov).unwrap();
    assert_eq!(krylov.kind().to_string(), "GMRES(30) with ILU(0)");
    krylov.set_stop(Stop { relative: 1e-10, absolute: 0.0, iterations: 200 });
    let mut before = 0;
    // The smaller the step, the easier.
    for (sigma, most) in [(0.0, 100), (1e2, 80), (1e4, 15), (1e6, 5)] {
        direct.factorize(sigma, &jacobian).unwrap();
        krylov.factorize(sigma, &jacobian).unwrap();
        let (mut x, mut y) = (b.clone(), b.clone());
        direct.solve(&mut x).unwrap();
        krylov.solve(&mut y).unwrap();
        assert!(krylov.iterations() - before <= most, "{} iterations", krylov.iterations() - before);
        before = krylov.iterations();
        let size = x.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        for (x, y) in x.iter().zip(&y) {
            approx::assert_abs_diff_eq!(x, y, epsilon = 1e-7 * size);
        }
        // The residual is what it says.
        let w = full(sigma, None, &pattern, &jacobian);
        let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
        let left = norm(&mut w.iter().zip(&b).map(|(row, b)| row.iter().zip(&y).map(|(w, y)| w * y).sum::<f64>() - b));
        assert!(left <= 1.01e-10 * norm(&mut b.iter().copied()), "{left:e}");
    }
}

#[test]
fn gmres_takes_weights_and_a_preconditioner() {
    let n = 300;
    // Equations in units that differ by twelve powers of ten.
    let unit = |i: usize| 10f64.powi((i % 13) as i32 - 6);
    let pattern = Sparsity::banded(n, 1, 1);
    let jacobian: Vec<f64> = pattern
        .columns()
        .enumerate()
        .flat_map(|(j, rows)| rows.iter().map(move |&i| if i == j { -4.0 * unit(i) } else { unit(i) }))
        .collect();
    let b: Vec<f64> = (0..n).map(|i| unit(i) * (i as f64).cos()).collect();
    let weights: Vec<f64> = (0..n).map(|i| 1.0 / unit(i)).collect();
    let mut krylov = Shifted::<f64>::new(n, Some(&pattern), None, LinearSolver::Krylov).unwrap();
    krylov.set_weights(&weights);
    krylov.set_stop(Stop { relative: 0.0, absolute: 1e-9, iterations: 60 });
    krylov.set_preconditioner(Box::new(move |x: &mut [f64]| {
        x.iter_mut().enumerate().for_each(|(i, x)| *x /= 4.0 * unit(i));
    }));
    assert_eq!(krylov.kind().to_string(), "GMRES(30) with the preconditioner given");
    krylov.factorize(0.0, &jacobian).unwrap();
    let mut x = b.clone();
    krylov.solve(&mut x).unwrap();
    assert!((1..=60).contains(&krylov.iterations()));
    let w = full(0.0, None, &pattern, &jacobian);
    let scaled = w
        .iter()
        .zip(&b)
        .zip(&weights)
        .map(|((row, b), weight)| weight * (row.iter().zip(&x).map(|(w, x)| w * x).sum::<f64>() - b));
    let norm = (scaled.map(|r| r * r).sum::<f64>() / n as f64).sqrt();
    assert!(norm <= 1.01e-9, "{norm:e}");
}

#[test]
fn gmres_says_when_it_does_not_converge() {
    // A cyclic shift, on which GMRES makes no progress before the last of n steps.
    let n = 100;
    let entries: Vec<(usize, usize)> = (0..n).map(|j| ((j + 1) % n, j)).collect();
    let pattern = Sparsity::from_entries(n, &entries).unwrap();
    let mut krylov = Shifted::<f64>::new(n, Some(&pattern), None, LinearSolver::Krylov).unwrap();
    krylov.set_preconditioner(Box::new(|_| ()));
    krylov.set_stop(Stop { relative: 1e-6, absolute: 0.0, iterations: 50 });
    krylov.factorize(0.0, &vec![-1.0; n]).unwrap();
    let mut b = vec![0.0; n];
    b[0] = 1.0;
    let error = krylov.solve(&mut b).unwrap_err();
    assert!(matches!(error, LinearError::NotConverged { iterations: 50, residual } if (residual - 0.1).abs() < 1e-12));
    assert_eq!(b, vec![0.0; n]);
    // Nothing to do for a right-hand side of zeros.
    krylov.solve(&mut b).unwrap();
    assert_eq!(krylov.iterations(), 50);
}

#[test]
fn the_automatic_choice() {
    let kind = |n: usize, pattern: Option<&Sparsity>| {
        Shifted::<f64>::new(n, pattern, None, LinearSolver::Automatic).unwrap().kind()
    };
    assert_eq!(kind(500, None), Kind::Dense { n: 500 });
    assert_eq!(kind(30, Some(&Sparsity::banded(30, 1, 1))), Kind::Dense { n: 30 });
    assert_eq!(kind(400, Some(&Sparsity::dense(400))), Kind::Dense { n: 400 });
    assert!(matches!(kind(200, Some(&Sparsity::banded(200, 1, 1))), Kind::Sparse { .. }));
}

/// Where sparse factors would not fit, the choice falls on iteration, which gives the same; who asks for factors is told.
#[test]
fn factors_that_do_not_fit_give_way_to_iteration() {
    let (n, sigma) = (400, 3.0);
    let pattern = Sparsity::banded(n, 1, 1);
    let jacobian: Vec<f64> = (0..pattern.entry_count()).map(|k| (k as f64).sin()).collect();
    let plan = |most, choice| Plan::within(most, n, Some(&pattern), None, choice);
    let fits = Shifted::<f64>::from_plan(&plan(1 << 20, LinearSolver::Automatic).unwrap()).unwrap();
    assert!(matches!(fits.kind(), Kind::Sparse { .. }));
    let too_large = plan(n, LinearSolver::Automatic).unwrap();
    let mut krylov = Shifted::<f64>::from_plan(&too_large).unwrap();
    assert!(matches!(krylov.kind(), Kind::Krylov { .. }));
    krylov.set_stop(Stop { relative: 1e-12, absolute: 0.0, iterations: 100 });
    krylov.factorize(sigma, &jacobian).unwrap();
    let b: Vec<f64> = (0..n).map(|i| (i as f64).cos()).collect();
    let mut x = b.clone();
    krylov.solve(&mut x).unwrap();
    let error = residual(&full(sigma, None, &pattern, &jacobian), &x, &b);
    assert!(error <= 1e-11, "{error:e}");
    assert_eq!(Shifted::<c64>::from_plan(&too_large).err(), Some(LinearError::Complex));
    assert!(
        matches!(plan(n, LinearSolver::Sparse).err(), Some(LinearError::TooLarge { entries }) if entries > n as f64)
    );
}

#[test]
fn faults_are_named() {
    let pattern = Sparsity::diagonal(3);
    let make =
        |n, pattern: Option<&Sparsity>, mass: Option<&MassMatrix>, choice| Plan::new(n, pattern, mass, choice).err();
    assert_eq!(make(4, Some(&pattern), None, LinearSolver::Automatic), Some(LinearError::Size { found: 3, n: 4 }));
    for solver in [LinearSolver::Sparse, LinearSolver::Krylov] {
        assert_eq!(make(4, None, None, solver), Some(LinearError::NoPattern { solver }));
    }
    let mass = MassMatrix::diagonal([1.0, f64::INFINITY, 1.0]);
    let fault = make(3, None, Some(&mass), LinearSolver::Dense);
    assert!(matches!(fault, Some(LinearError::Mass(MassError::NotFinite { row: 1, .. }))));
    let complex = Shifted::<c64>::new(3, Some(&pattern), None, LinearSolver::Krylov);
    assert_eq!(complex.err(), Some(LinearError::Complex));
    assert!(Singular { column: 3 }.to_string().contains("column 3"));
}

#[test]
fn no_states_are_no_trouble() {
    let mut dense = Shifted::<f64>::new(0, None, None, LinearSolver::Automatic).unwrap();
    dense.factorize(1.0, &[]).unwrap();
    dense.solve(&mut []).unwrap();
    let pattern = Sparsity::diagonal(0);
    let mut sparse = Shifted::<f64>::new(0, Some(&pattern), None, LinearSolver::Sparse).unwrap();
    sparse.factorize(1.0, &[]).unwrap();
    sparse.solve(&mut []).unwrap();
}
