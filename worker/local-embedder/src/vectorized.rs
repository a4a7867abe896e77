//! What BERT does with single numbers, written so that the compiler makes vectors of it. [`Arch`] chooses at run time which
//! instructions there are: on a processor of the last ten years eight or sixteen numbers at once.

use pulp::Arch;

/// `x · Φ(x)`, with Φ by erf.
pub(crate) fn gelu(arch: Arch, row: &mut [f32]) {
    arch.dispatch(|| {
        for x in row {
            *x *= 0.5 + 0.5 * erf(*x * std::f32::consts::FRAC_1_SQRT_2);
        }
    });
}

/// `exp(x) / Σ exp(x)`
pub(crate) fn softmax(arch: Arch, row: &mut [f32]) {
    arch.dispatch(|| {
        let largest = reduce(row, f32::NEG_INFINITY, f32::max, |x| x);
        for x in &mut *row {
            *x = exp(*x - largest);
        }
        let scale = 1.0 / reduce(row, 0.0, |sum, x| sum + x, |x| x);
        for x in row {
            *x *= scale;
        }
    });
}

/// Mean 0 and variance 1, then the weights and biases of a layer.
pub(crate) fn normalize(arch: Arch, row: &mut [f32], (weight, bias): (&[f32], &[f32]), eps: f32) {
    arch.dispatch(|| {
        #[expect(clippy::cast_precision_loss, reason = "a row has some hundred numbers")]
        let count = row.len() as f32;
        let mean = reduce(row, 0.0, |sum, x| sum + x, |x| x) / count;
        let variance = reduce(row, 0.0, |sum, x| sum + x, |x| (x - mean) * (x - mean)) / count;
        let scale = 1.0 / (variance + eps).sqrt();
        for ((x, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
            *x = (*x - mean) * scale * weight + bias;
        }
    });
}

/// Sums, or the like, in several places at once: one place alone would be no vector.
#[expect(
    clippy::inline_always,
    reason = "only what is inlined there is compiled for the processor"
)]
#[inline(always)]
fn reduce(row: &[f32], begin: f32, join: impl Fn(f32, f32) -> f32, of: impl Fn(f32) -> f32) -> f32 {
    let mut places = [begin; 16];
    let (whole, rest) = row.as_chunks::<16>();
    for chunk in whole {
        for (place, x) in places.iter_mut().zip(chunk) {
            *place = join(*place, of(*x));
        }
    }
    let all = places.into_iter().fold(begin, &join);
    rest.iter().fold(all, |all, x| join(all, of(*x)))
}

/// Abramowitz and Stegun, 7.1.26: off by at most 1.5e-7.
#[expect(
    clippy::inline_always,
    reason = "only what is inlined there is compiled for the processor"
)]
#[inline(always)]
fn erf(x: f32) -> f32 {
    let positive = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * positive);
    let series =
        ((((1.061_405_4 * t - 1.453_152) * t + 1.421_413_7) * t - 0.284_496_74) * t + 0.254_829_6) * t;
    (1.0 - series * exp(-positive * positive)).copysign(x)
}

/// `2^n · exp(r)` with `|r| ≤ ln 2 / 2` and exp(r) by its series; off by some units in the last place.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    /// Adding and taking it away rounds: no bits are left for the fraction.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let series =
        1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r / 720.0)))));
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole number between -126 and 127"
    )]
    let exponent = n as i32;
    series * f32::from_bits((exponent + 127).cast_unsigned() << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_definitions() {
        for step in -1_000..1_000_i16 {
            let x = f32::from(step) / 50.0;
            let known = f64::from(x).exp();
            assert!((f64::from(exp(x)) / known - 1.0).abs() < 5e-7, "exp {x}");
        }
        let known = [
            (0.0, 0.0),
            (0.5, 0.520_499_9),
            (1.0, 0.842_700_8),
            (2.0, 0.995_322_3),
            (9.0, 1.0),
        ];
        for (x, of_x) in known {
            assert!(
                (erf(x) - of_x).abs() < 4e-7 && (erf(-x) + of_x).abs() < 4e-7,
                "erf {x}: {}",
                erf(x)
            );
        }
    }

    #[test]
    fn rows_of_any_length_are_seen_whole() {
        for length in 1..40_u8 {
            let mut row: Vec<f32> = (0..length).map(|x| f32::from(x) / 4.0).collect();
            softmax(Arch::new(), &mut row);
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert!(row.is_sorted());
            let ones = vec![1.0; row.len()];
            normalize(Arch::new(), &mut row, (&ones, &vec![0.0; ones.len()]), 1e-12);
            assert!(row.iter().sum::<f32>().abs() < 1e-3);
        }
    }
}
