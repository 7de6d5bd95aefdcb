# mclust's side of the bench: R's mixtures by EM, taking turns when asked (mclust.mjs). Arguments: a file of doubles, N, D, K; the file holds X (row-major),
# then the K first means, then the variance of each column. Lines in: model name, iterations, repeats. Lines out: median ms, mean log-likelihood.
suppressMessages(library(mclust))
arguments <- commandArgs(trailingOnly = TRUE)
n <- as.integer(arguments[2]); d <- as.integer(arguments[3]); k <- as.integer(arguments[4])
values <- readBin(arguments[1], "double", n * d + k * d + d, endian = "little")
X <- matrix(values[seq_len(n * d)], n, d, byrow = TRUE)
means <- matrix(values[n * d + seq_len(k * d)], d, k)
variance <- values[(n + k) * d + seq_len(d)]
shape <- exp(mean(log(variance)))
start <- function(name) list(pro = rep(1 / k, k), mean = means, variance = c(list(modelName = name, d = d, G = k), switch(name,
  VVV = list(sigma = array(diag(variance), c(d, d, k)), cholsigma = array(diag(sqrt(variance)), c(d, d, k))),
  VVI = list(scale = rep(shape, k), shape = matrix(variance / shape, d, k)),
  VII = list(sigmasq = rep(mean(variance), k), scale = rep(mean(variance), k)))))
cat(as.character(packageVersion("mclust")), "\n", sep = "")
input <- file("stdin", "r")
while (length(line <- readLines(input, 1)) > 0) {
  asked <- strsplit(line, " ")[[1]]
  iterations <- as.integer(asked[2])
  times <- sapply(seq_len(as.integer(asked[3])), function(i) {
    begin <- Sys.time()
    fit <<- em(X, asked[1], start(asked[1]), control = emControl(itmax = c(iterations, iterations), tol = c(0, 0)))
    1000 * as.numeric(Sys.time() - begin, units = "secs")
  })
  cat(median(times), fit$loglik / n, "\n")
}
