// Bayes' rule over components for any mixture whose log-densities come from elsewhere.
import { exp } from "./exponential";
import { log } from "./logarithm";

/** Pass over rows [start, end): `joint` (n×k, row-major, inout) holds ln π_c + ln p(x | c) and leaves with responsibilities, times the
 *  sample's weight w (n, in; 0 for none). logNorm (n, out): ln Σ_c e^joint; with `hard`, the responsibility is 1 for the largest (first on
 *  ties) and logNorm its joint: the classification likelihood (Celeux & Govaert 1992). stats[0] += Σ w·logNorm.
 *  A sample that no component can explain (all −∞) has logNorm −∞ and, unless `hard`, equal responsibilities. */
export function posterior(joint: usize, w: usize, k: i32, logNorm: usize, hard: i32, start: i32, end: i32, stats: usize, scratch: usize): void {
  const rowBytes = <usize>k << 3;
  let total = load<f64>(stats);
  for (let i = start; i < end; i++) {
    const row = joint + <usize>i * rowBytes;
    const rowEnd = row + rowBytes;
    const weight = w != 0 ? load<f64>(w + (<usize>i << 3)) : 1;
    let best = row;
    for (let p = row + 8; p < rowEnd; p += 8) if (load<f64>(p) > load<f64>(best)) best = p;
    const largest = load<f64>(best);
    let norm = largest;
    if (hard) {
      for (let p = row; p < rowEnd; p += 8) store<f64>(p, p == best ? weight : 0);
    } else if (largest == -Infinity) {
      for (let p = row; p < rowEnd; p += 8) store<f64>(p, weight / <f64>k);
    } else {
      let sum: f64 = 0;
      for (let p = row; p < rowEnd; p += 8) {
        const e = exp(load<f64>(p) - largest);
        store<f64>(p, e);
        sum += e;
      }
      for (let p = row; p < rowEnd; p += 8) store<f64>(p, weight * (load<f64>(p) / sum));
      norm += log(sum);
    }
    store<f64>(logNorm + (<usize>i << 3), norm);
    if (weight > 0) total += weight * norm;
  }
  store<f64>(stats, total);
}
