//! What chance alone does to counts.

/// How many of `rows` have a property of probability `share`, in 95 of 100 such samples: the least and the greatest count.
pub(in crate::report) fn range(rows: usize, share: f64) -> [usize; 2] {
    if share.is_nan() || share <= 0.0 || share >= 1.0 {
        let all = if share >= 1.0 { rows } else { 0 };
        return [all, all];
    }
    // Term by term, in logs: the first one may be too small for a number.
    let mut log_mass = rows as f64 * (-share).ln_1p();
    let odds = (share / (1.0 - share)).ln();
    let (mut sum, mut low) = (0.0, None);
    for count in 0..=rows {
        sum += log_mass.exp();
        if low.is_none() && sum > 0.025 {
            low = Some(count);
        }
        if sum >= 0.975 {
            return [low.unwrap_or(0), count];
        }
        log_mass += ((rows - count) as f64 / (count + 1) as f64).ln() + odds;
    }
    [low.unwrap_or(0), rows]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_tables() {
        // By exact sums of fractions.
        assert_eq!(range(10, 0.5), [2, 8]);
        assert_eq!(range(100, 0.9), [84, 95]);
        assert_eq!(range(2000, 0.05), [81, 120]);
        assert_eq!(range(0, 0.3), [0, 0]);
        assert_eq!((range(7, 1.0), range(7, 0.0)), ([7, 7], [0, 0]));
        let [low, high] = range(1_000_000, 0.5);
        assert!((499_015..=499_025).contains(&low) && (500_975..=500_985).contains(&high));
    }
}
