// Everything TypeScript can call. A pass ends in (start, end, stats, scratch): a range of rows, the partial sums it adds to, and
// memory of its own. Addresses are bytes in the one shared memory; kernels never allocate and keep no state.
export { inertia } from "./kmeans";
export { seedTrials, seedUpdate } from "./seeding";
export { assignScreened, blockNorms, blockRecords, centerDoubles, quantizeBlocks, quantizeCenters, screeningScratch, tileBytes } from "./screening";
export { transform, transformScratch } from "./distances";
export { mixture, mixtureScratch, mixtureStatistics } from "./mixture";
export { cholesky, inverseTransposed, packTriangular, triangularPanelLength } from "./cholesky";
export { posterior } from "./posterior";
export { packPanels } from "./tile";
export { silhouette, silhouetteScratch, spread } from "./silhouette";
export { clear, heapBase, merge, mergePairs, moments, scan } from "./statistics";
export { exp, log } from "./elementary";
