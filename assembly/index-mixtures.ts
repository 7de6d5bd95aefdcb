// The module of mixtures: densities and their moments, posteriors, Cholesky factors. See index.ts.
export { approximateSquares, exactSquares, markFar } from "./gaussian-wide";
export { addListed, addPairs, originSquares } from "./gaussian-diagonal"; // nobody calls them from outside: exported, they are not inlined, which cost half of its speed in V8
export { mixture, mixtureScratch, mixtureStatistics, screeningDoubles } from "./mixture";
export { addUp, labelDoubles, labelScratch, mostProbable } from "./labels";
export { cholesky, drift, inverseTransposed, timesTransposed, triangularPanelLength } from "./cholesky";
export { posterior } from "./posterior";
export { exp, finishColumns, splitColumn } from "./exponential";
