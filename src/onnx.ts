// ONNX export: fitted models as graphs that any ONNX runtime evaluates. An entry of its own (`mixtura/onnx`), which needs nothing of the rest.
// The messages are those of onnx.proto; pbf writes the bytes.
import { PbfWriter } from 'pbf'
import { writeModelProto } from './generated/onnx-proto.ts'

/** How a model is written. */
export interface ToOnnxOptions {
  /** What the graph computes in, and what its input and its real outputs are. 'float32' is half the size and runs where there are no doubles, on
   *  GPUs for instance; log-densities and distances are then good to about six digits of the largest, and rows near a boundary may change sides.
   *  Default 'float64'. */
  dtype?: 'float64' | 'float32'
}

/** An estimator as plain data: what its `toJSON` returned. */
export interface OnnxSource {
  /** The class's name. */
  mixtura: string
  /** The fitted state; null before `fit`. */
  fitted: object | null
}

// Rows in, one result a row: N is free
const N = 'N'
const [FLOAT, INT64, DOUBLE] = [1, 7, 11]
const [INT, INTS] = [2, 7]

/** ONNX's default domain in version 13 (2020), the first whose ReduceSum and Squeeze are those of today, and the IR version that came with it. */
const OPSET = 13
const IR_VERSION = 7

/** The graph of a fitted model, as the bytes of an `.onnx` file: IR version 7, operators of ai.onnx version 13.
 *
 *  Input `X` (N×D). `KMeans` and `MiniBatchKMeans` give `label` (N, int64; `predict`) and `distances` (N×K; `transform`); `GaussianMixture` of any
 *  covariance type gives `label` (N, int64; `predict`), `probabilities` (N×K; `predictProba`) and `log_density` (N; `scoreSamples`). Differences are
 *  taken before squares, as here, so that in float64 an offset of the data costs no digits: distances and log-densities agree with the methods to
 *  1e-14 of the largest, probabilities to what that leaves of their logarithms, labels wherever two do not tie to rounding. Memory of an evaluation: a few N×(D + K) numbers.
 *  @param model a fitted `KMeans`, `MiniBatchKMeans` or `GaussianMixture`, or its JSON
 *  @throws TypeError for other estimators, RangeError for one that is not fitted. */
export function toOnnx(model: OnnxSource | { toJSON(): OnnxSource }, options: ToOnnxOptions = {}): Uint8Array<ArrayBuffer> {
  const given = model as Partial<OnnxSource> & { toJSON?(): OnnxSource }
  const { mixtura: name, fitted }: Partial<OnnxSource> = (typeof given?.toJSON === 'function' ? given.toJSON() : given) ?? {}
  const centers = name === 'KMeans' || name === 'MiniBatchKMeans'
  if (!centers && name !== 'GaussianMixture')
    throw new TypeError(`toOnnx: expected a KMeans, MiniBatchKMeans or GaussianMixture, got ${name ?? typeof model}.`)
  const { dtype = 'float64', ...unknown } = options
  if (Object.keys(unknown).length > 0) throw new TypeError(`toOnnx: unknown option '${Object.keys(unknown)[0]}'. Known: dtype.`)
  if (dtype !== 'float64' && dtype !== 'float32')
    throw new RangeError(`dtype: expected 'float64' or 'float32', got ${typeof dtype === 'string' ? `'${dtype}'` : typeof dtype}.`)
  if (typeof fitted !== 'object' || fitted === null) throw new RangeError(`toOnnx: this ${name} is not fitted yet: call fit(X) first.`)
  const graph = new Graph(name, dtype)
  if (centers) nearestCenter(graph, fitted as Centers)
  else posterior(graph, fitted as Gaussians)
  return graph.bytes()
}

interface Centers {
  clusterCenters: number[][]
}
interface Gaussians {
  covarianceType: 'full' | 'tied' | 'diag' | 'spherical'
  weights: number[]
  means: number[][]
  precisionsCholesky: number[] | number[][] | number[][][]
}

function nearestCenter(graph: Graph, { clusterCenters }: Centers): void {
  const [k, d] = [clusterCenters.length, clusterCenters[0].length]
  const x = graph.input('X', d)
  const squares = graph.concat(
    clusterCenters.map((center, c) => graph.squaredNorm(graph.node('Sub', [x, graph.reals(`center_${c}`, [1, d], center)]))),
  )
  graph.output('label', INT64, [], graph.arg('ArgMin', squares))
  graph.output('distances', graph.type, [k], graph.node('Sqrt', [squares]))
}

// ln π_k N(x; μ_k, Σ_k) = constant_k − ‖(x − μ_k)·U_k‖²/2, with U_k the factor of the precision; the rest is log-sum-exp
function posterior(graph: Graph, { covarianceType: type, weights, means, precisionsCholesky: factors }: Gaussians): void {
  const [k, d] = [weights.length, means[0].length]
  const x = graph.input('X', d)
  const square = type === 'full' || type === 'tied'
  const factorOf = (c: number): number[] => {
    const own = type === 'tied' ? factors : (factors as (number | number[] | number[][])[])[c]
    return ([own] as number[][]).flat(2) as number[]
  }
  const shared = type === 'tied' ? graph.reals('factor', [d, d], factorOf(0)) : undefined
  const constants = weights.map((weight, c) => {
    const factor = factorOf(c)
    let logDeterminant = 0
    for (let j = 0; j < d; j++) logDeterminant += Math.log(factor[square ? j * (d + 1) : type === 'diag' ? j : 0])
    return Math.log(weight) + logDeterminant - (d / 2) * Math.log(2 * Math.PI)
  })
  const distances = graph.concat(
    means.map((mean, c) => {
      const difference = graph.node('Sub', [x, graph.reals(`mean_${c}`, [1, d], mean)])
      const factor = shared ?? graph.reals(`factor_${c}`, square ? [d, d] : [1, type === 'diag' ? d : 1], factorOf(c))
      return graph.squaredNorm(graph.node(square ? 'MatMul' : 'Mul', [difference, factor]))
    }),
  )
  const half = graph.node('Mul', [distances, graph.reals('half', [1, 1], [0.5])])
  const joint = graph.node('Sub', [graph.reals('constants', [1, k], constants), half])
  const largest = graph.node('ReduceMax', [joint], { axes: [1], keepdims: 1 })
  const shares = graph.node('Exp', [graph.node('Sub', [joint, largest])])
  const sum = graph.sum(shares)
  graph.output('label', INT64, [], graph.arg('ArgMax', joint))
  graph.output('probabilities', graph.type, [k], graph.node('Div', [shares, sum]))
  graph.output('log_density', graph.type, [], graph.node('Squeeze', [graph.node('Add', [largest, graph.node('Log', [sum])]), graph.axis]))
}

/** A graph under construction: every method adds to it and returns the name of what it adds. */
class Graph {
  /** The type of its real numbers. */
  readonly type: number
  readonly #name: string
  readonly #node: object[] = []
  readonly #initializer: { name: string; dims: number[]; data_type: number; raw_data: Uint8Array }[] = []
  readonly #input: object[] = []
  readonly #output: object[] = []

  constructor(name: string, dtype: 'float64' | 'float32') {
    this.#name = name
    this.type = dtype === 'float64' ? DOUBLE : FLOAT
  }

  input(name: string, columns: number): string {
    this.#input.push(value(name, this.type, [columns]))
    return name
  }

  /** Gives a result the name that the world knows it by. */
  output(name: string, type: number, columns: number[], of: string): void {
    this.#output.push(value(name, type, columns))
    this.#node.push({ op_type: 'Identity', name: `output_${name}`, input: [of], output: [name] })
  }

  node(op: string, input: string[], attributes: Record<string, number | number[]> = {}): string {
    const name = `${op}_${this.#node.length}`
    const attribute = Object.entries(attributes).map(([key, v]) =>
      typeof v === 'number' ? { name: key, type: INT, i: v } : { name: key, type: INTS, ints: v },
    )
    this.#node.push({ op_type: op, name, input, output: [name], attribute })
    return name
  }

  reals(name: string, dims: number[], values: number[]): string {
    const bytes = this.type === DOUBLE ? 8 : 4
    const view = new DataView(new ArrayBuffer(values.length * bytes))
    values.forEach((v, i) => (bytes === 8 ? view.setFloat64(i * 8, v, true) : view.setFloat32(i * 4, v, true)))
    return this.#constant(name, dims, this.type, new Uint8Array(view.buffer))
  }

  /** The axis of columns, for operators that take axes as an input. */
  get axis(): string {
    if (this.#initializer.some(({ name }) => name === 'columns')) return 'columns'
    return this.#constant('columns', [1], INT64, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0))
  }

  /** Row sums (N×1). */
  sum(of: string): string {
    return this.node('ReduceSum', [of, this.axis], { keepdims: 1 })
  }
  squaredNorm(of: string): string {
    return this.sum(this.node('Mul', [of, of]))
  }
  /** Columns side by side. */
  concat(columns: string[]): string {
    return this.node('Concat', columns, { axis: 1 })
  }
  /** Column of the smallest or largest entry of each row (N), of equals the first. */
  arg(op: 'ArgMin' | 'ArgMax', of: string): string {
    return this.node(op, [of], { axis: 1, keepdims: 0 })
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const pbf = new PbfWriter()
    const opset_import = [{ domain: '', version: OPSET }]
    const graph = { name: this.#name, node: this.#node, initializer: this.#initializer, input: this.#input, output: this.#output }
    writeModelProto({ ir_version: IR_VERSION, producer_name: 'mixtura', graph, opset_import }, pbf)
    return pbf.finish().slice() as Uint8Array<ArrayBuffer>
  }

  #constant(name: string, dims: number[], data_type: number, raw_data: Uint8Array): string {
    this.#initializer.push({ name, dims, data_type, raw_data })
    return name
  }
}

// N rows, of the given columns or of one number each
const value = (name: string, elem_type: number, columns: number[]) => ({
  name,
  type: { tensor_type: { elem_type, shape: { dim: [{ dim_param: N }, ...columns.map((dim_value) => ({ dim_value }))] } } },
})
