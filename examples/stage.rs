use factoreo::{
    linalg::{
        gaussian::gaussian, krylov::leading_triplets, orthonormalize::*, range_finder::*, scale::magnitude, svd::*, *,
    },
    random::generator,
};
use faer::{Mat, Par};
use std::time::Instant;
fn t<R>(name: &str, mut f: impl FnMut() -> R) {
    let mut best = f64::INFINITY;
    let mut all = vec![];
    for _ in 0..15 {
        let s = Instant::now();
        let r = f();
        let e = s.elapsed().as_secs_f64();
        std::hint::black_box(&r);
        best = best.min(e);
        all.push(e);
    }
    all.sort_by(f64::total_cmp);
    println!("{name:40} min {:8.3} ms  med {:8.3} ms", best * 1e3, all[7] * 1e3);
}
fn go<T: Scalar>(n: usize, par: Par) {
    let mut rng = generator(1);
    let g = gaussian::<T>(n, n, &mut rng);
    let mut l = gaussian::<T>(n, n, &mut rng).qr().compute_thin_Q();
    for j in 0..n {
        let s = T::of(1.0 / (j as f64 + 1.0));
        l.col_mut(j).iter_mut().for_each(|e| *e = *e * s);
    }
    let a = &l * g.qr().compute_thin_Q().transpose();
    println!("--- n={n} {:?} {par:?}", T::PRECISION);
    t("gaussian n x 74", || gaussian::<T>(n, 74, &mut rng));
    t("magnitude", || magnitude(a.as_ref()));
    let x = gaussian::<T>(n, 74, &mut generator(2));
    let b16 = gaussian::<T>(n, 16, &mut generator(2));
    t("A x (n x 74)", || product(a.as_ref(), x.as_ref(), par));
    t("A' x (n x 74)", || product(a.transpose(), x.as_ref(), par));
    t("A x (n x 16)", || product(a.as_ref(), b16.as_ref(), par));
    t("A' x (n x 16)", || product(a.transpose(), b16.as_ref(), par));
    t("X'X (74)", || product(x.transpose(), x.as_ref(), par));
    t("condition", || condition(x.clone(), par));
    t("orthonormalize", || orthonormalize(x.clone(), par));
    t("orthonormalize 16", || orthonormalize(b16.clone(), par));
    let basis = power_range(a.as_ref(), 74, 2, &mut generator(3), par);
    t("power_range", || power_range(a.as_ref(), 74, 2, &mut generator(3), par));
    t("best_in_range", || best_in_range(a.as_ref(), basis.as_ref(), 64, par));
    let sm = gaussian::<T>(74, 74, &mut rng);
    t("svd 74", || thin_svd(sm.as_ref(), par));
    t("svd 74 seq", || thin_svd(sm.as_ref(), Par::Seq));
    let sm = gaussian::<T>(160, 160, &mut rng);
    t("svd 160 seq", || thin_svd(sm.as_ref(), Par::Seq));
    t("singular values 160 seq", || singular_values(sm.as_ref(), Par::Seq));
    let sm = gaussian::<T>(256, 256, &mut rng);
    t("svd 256 ", || thin_svd(sm.as_ref(), par));
    for w in [1, 4, 8] {
        let b = gaussian::<T>(n, w, &mut generator(2));
        let u = gaussian::<T>(n, 100, &mut generator(2));
        let c = gaussian::<T>(100, w, &mut generator(2));
        t(&format!("A x (n x {w})"), || product(a.as_ref(), b.as_ref(), par));
        t(&format!("A' x (n x {w})"), || product(a.transpose(), b.as_ref(), par));
        if w <= 4 {
            t(&format!("skinny A x (n x {w})"), || skinny::times(a.as_ref(), b.as_ref(), par));
            t(&format!("skinny A' x (n x {w})"), || skinny::transpose_times(a.as_ref(), b.as_ref(), par));
            t(&format!("skinny U' x (n x {w})"), || skinny::transpose_times(u.as_ref(), b.as_ref(), par));
            t(&format!("skinny U x (100 x {w})"), || skinny::times(u.as_ref(), c.as_ref(), par));
        }
        t(&format!("U' x (n x {w})"), || product(u.transpose(), b.as_ref(), par));
        t(&format!("U x (100 x {w})"), || product(u.as_ref(), c.as_ref(), par));
        t(&format!("orth {w}"), || orthonormalize(b.clone(), par));
    }
    let sm = gaussian::<T>(144, 144, &mut rng);
    t("svd 144", || thin_svd(sm.as_ref(), Par::Seq));
    t("evd 144", || (&sm + sm.transpose()).self_adjoint_eigen(faer::Side::Lower));
    t("evals 144", || (&sm + sm.transpose()).self_adjoint_eigenvalues(faer::Side::Lower));
    if T::PRECISION == Precision::F64 {
        t("krylov 64", || leading_triplets(a.as_ref(), 64, 1e-9, &mut generator(4), par));
        if n <= 512 {
            t("full svd", || thin_svd(a.as_ref(), par));
        }
    }
}
fn main() {
    let n: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let p: usize = std::env::args().nth(2).unwrap().parse().unwrap();
    let par = if p == 1 { Par::Seq } else { Par::rayon(p) };
    if std::env::args().nth(3).as_deref() == Some("f32") { go::<f32>(n, par) } else { go::<f64>(n, par) }
}
