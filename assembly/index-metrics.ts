// The module of metrics: silhouettes and the spread of clusters. See index.ts.
export { silhouette, silhouetteScratch, spread } from "./silhouette";
