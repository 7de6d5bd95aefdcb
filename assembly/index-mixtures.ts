// The module of mixtures: densities and their moments, posteriors, Cholesky factors. See index.ts.
export { mixture, mixtureScratch, mixtureStatistics } from "./mixture";
export { cholesky, inverseTransposed, packTriangular, triangularPanelLength } from "./cholesky";
export { posterior } from "./posterior";
