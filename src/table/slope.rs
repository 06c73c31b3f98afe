//! How fast a quantity grows: the slope of its logarithm against that of its argument.

use super::student;

/// y ∝ x^slope, fitted by least squares on logarithms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    pub value: f64,
    /// 95 % interval (Student's t with points − 2 degrees of freedom); `None` with two points, which any line fits.
    pub interval: Option<(f64, f64)>,
    pub points: usize,
}

/// Fits the points whose coordinates are both positive and finite; `None` unless two of them have different x.
#[must_use]
pub fn log_log_slope(points: impl IntoIterator<Item = (f64, f64)>) -> Option<Slope> {
    let usable = |&(x, y): &(f64, f64)| x > 0.0 && y > 0.0 && x.is_finite() && y.is_finite();
    let points: Vec<(f64, f64)> = points.into_iter().filter(usable).map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x_mean, y_mean) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
    if points.len() < 2 || spread <= 0.0 {
        return None;
    }
    let value = points.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum::<f64>() / spread;
    let residuals: f64 = points.iter().map(|(x, y)| (y - y_mean - value * (x - x_mean)).powi(2)).sum();
    let interval = (points.len() > 2).then(|| {
        let half = student_95(points.len() - 2) * (residuals / (count - 2.0) / spread).sqrt();
        (value - half, value + half)
    });
    Some(Slope { value, interval, points: points.len() })
}

/// The mean of the exponents of several curves, with its 95 % interval by Student's t over the curves: what each of them does along
/// the axis, whatever level it is at. Of one curve its own exponent and interval.
#[must_use]
pub fn mean_log_log_slope(curves: impl IntoIterator<Item = Vec<(f64, f64)>>) -> Option<Slope> {
    let slopes: Vec<Slope> = curves.into_iter().filter_map(log_log_slope).collect();
    if let [only] = slopes[..] {
        return Some(only);
    }
    let count = slopes.len() as f64;
    let value = slopes.iter().map(|slope| slope.value).sum::<f64>() / count;
    let variance = slopes.iter().map(|slope| (slope.value - value).powi(2)).sum::<f64>() / (count - 1.0);
    let half = student_95(slopes.len().checked_sub(1)?) * (variance / count).sqrt();
    let points = slopes.iter().map(|slope| slope.points).sum();
    Some(Slope { value, interval: Some((value - half, value + half)), points })
}

/// The half-width of a 95 % interval over the standard error.
fn student_95(degrees: usize) -> f64 {
    student(0.95, degrees)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_found_exactly_and_what_has_no_slope_has_none() {
        let slope = log_log_slope((1..6).map(|i| (f64::from(i), 3.0 * f64::from(i).powf(1.5)))).unwrap();
        let (low, high) = slope.interval.unwrap();
        assert!((slope.value - 1.5).abs() < 1e-12 && high - low < 1e-6);
        assert_eq!(log_log_slope([(1.0, 2.0), (1.0, 3.0), (-1.0, 4.0), (2.0, f64::NAN)]), None);
        assert_eq!(log_log_slope([(1.0, 2.0), (2.0, 4.0)]).unwrap().interval, None);
    }

    /// scipy.stats.linregress on the logarithms, scipy.stats.t.ppf(0.975, 3).
    #[test]
    fn the_interval_is_that_of_a_regression() {
        let points = [(1.0, 1.1), (2.0, 3.7), (4.0, 17.0), (8.0, 60.0), (16.0, 270.0)];
        let slope = log_log_slope(points).unwrap();
        let (low, high) = slope.interval.unwrap();
        let expected = [1.989799, 1.858730, 2.120868];
        for (found, expected) in [slope.value, low, high].into_iter().zip(expected) {
            assert!((found - expected).abs() < 2e-4, "{found} for {expected}");
        }
    }

    /// Three curves of different levels: the levels do not count. scipy.stats.t.ppf(0.975, 2)·0.1/√3 around 0.3.
    #[test]
    fn the_mean_exponent_does_not_see_levels() {
        let curve = |level: f64, power: f64| (1..4).map(|x| (f64::from(x), level * f64::from(x).powf(power))).collect();
        let slope = mean_log_log_slope([curve(1.0, 0.2), curve(1000.0, 0.3), curve(0.01, 0.4)]).unwrap();
        let (low, high) = slope.interval.unwrap();
        assert!((slope.value - 0.3).abs() < 1e-12 && slope.points == 9);
        assert!((low - 0.051_586).abs() < 1e-4 && (high - 0.548_414).abs() < 1e-4, "{low} to {high}");
        assert_eq!(mean_log_log_slope([]), None);
        assert_eq!(mean_log_log_slope([curve(1.0, 0.2)]), log_log_slope(curve(1.0, 0.2)));
    }
}
