// What TypeScript can call. A pass ends in (start, end, stats, scratch): a range of rows, the partial sums it adds to, and memory of its
// own. Addresses are bytes in the one shared memory; kernels never allocate and keep no state, so modules can share it (the one table
// there is, that of exp, has the same bytes at the same place in all of them).
// This is the core, which everything carries: k-means and sums. What only mixtures or only metrics call is exported by
// index-mixtures.ts and index-metrics.ts, modules of their own, so that an application that clusters by k-means does not carry them.
export { inertia } from "./kmeans";
export { assignOnce, onceScratch } from "./once";
export { seedGains, seedScratch, seedTrials, seedUpdate } from "./seeding";
export { assignScreened, blockRecords, centerDoubles, quantizeCenters, screeningScratch, tileBytes } from "./screening";
export { expandedRoots, transform, transformScratch } from "./distances";
export { packPanels } from "./tile";
export { clear, fingerprint, heapBase, merge, mergePairs, moments, scan } from "./statistics";
