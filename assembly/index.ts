// Everything TypeScript can call. A pass ends in (start, end, stats, scratch): a range of rows, the partial sums it adds to, and
// memory of its own. Addresses are bytes in the one shared memory; kernels never allocate and keep no state.
export { inertia, kmeansScratch, seedTrials, seedUpdate } from "./kmeans";
export { assignScreened, blockRecords, centerDoubles, quantizeCenters, screeningScratch, tileBytes } from "./screening";
export { transform } from "./distances";
export { mixture, mixtureScratch, mixtureStatistics } from "./mixture";
export { cholesky, inverseTransposed, packTriangular, triangularPanelLength } from "./cholesky";
export { posterior } from "./posterior";
export { packPanels } from "./tile";
export { silhouette, silhouetteScratch, spread } from "./silhouette";
export { clear, heapBase, merge, mergePairs, moments, scan } from "./statistics";
export { exp, log } from "./elementary";
