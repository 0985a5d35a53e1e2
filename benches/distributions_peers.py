"""Times of NumPy, SciPy and JAX on the cases of distributions.rs: median milliseconds of several calls, and the least.

    pip install numpy scipy jax
    taskset -c 0,1 python benches/distributions_peers.py [FILTER]
"""

import os
import sys
import time

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads=2")

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import stats
from scipy import special

jax.config.update("jax_enable_x64", True)

ENTRIES = 1_000_000
SHARED = (0.3, 1.7)
DF = 5.0
SCALES = (0.5, 3.0)
WEIGHTS = np.array([1, 2, 3, 4, 4, 3, 2, 1]) / 20
FILTER = sys.argv[1] if len(sys.argv) > 1 else ""


def report(name, work, seconds=0.5):
    if FILTER not in name:
        return
    work()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    print(f"{name:44} {1e3 * np.median(times):9.3f} ms, least {1e3 * min(times):9.3f}", flush=True)


def mixture(x, logits, loc, scale):
    parts = stats.norm.logpdf(x[..., None], loc, scale)
    return jax.scipy.special.logsumexp(jax.nn.log_softmax(logits) + parts, axis=-1)


def densities(dtype):
    rng = np.random.default_rng(1)
    x, loc, scale = rng.normal(size=(3, ENTRIES)).astype(dtype)
    scale = np.exp(dtype(0.3) * scale)
    shared = [dtype(p) for p in SHARED]
    two = [np.array(p, dtype) for p in ((0.2, 0.8), (-0.5, 0.5), SCALES)]
    return {
        "normal_shared": (stats.norm.logpdf, [x, *shared]),
        "normal_each": (stats.norm.logpdf, [x, loc, scale]),
        "student_t_shared": (stats.t.logpdf, [x, dtype(DF), *shared]),
        "mixture_shared": (mixture, [x, *two]),
    }


def numpy_densities(name, arguments):
    half_log_tau = arguments[0].dtype.type(0.5 * np.log(2 * np.pi))
    x, *p = arguments
    if name.startswith("normal"):
        return lambda: -0.5 * ((x - p[0]) / p[1]) ** 2 - np.log(p[1]) - half_log_tau
    if name.startswith("student_t"):
        df, loc, scale = p
        peak = special.gammaln((df + 1) / 2) - special.gammaln(df / 2) - 0.5 * np.log(df * np.pi) - np.log(scale)
        return lambda: x.dtype.type(peak) - (df + 1) / 2 * np.log1p(((x - loc) / scale) ** 2 / df)
    logits, loc, scale = p
    logs = logits - special.logsumexp(logits)

    def work():
        parts = [logs[k] - 0.5 * ((x - loc[k]) / scale[k]) ** 2 - np.log(scale[k]) - half_log_tau for k in range(2)]
        return np.logaddexp(*parts)

    return work


def log_prob():
    for dtype in (np.float64, np.float32):
        kind = "f64" if dtype == np.float64 else "f32"
        for name, (f, arguments) in densities(dtype).items():
            value = jax.jit(f)
            every = tuple(range(len(arguments)))
            slopes = jax.jit(jax.value_and_grad(lambda *a, f=f: jnp.sum(f(*a)), argnums=every))
            held = [jnp.asarray(a) for a in arguments]
            report(f"log_prob/{name}/numpy_{kind}", numpy_densities(name, arguments))
            report(f"log_prob/{name}/jax_{kind}", lambda: value(*held).block_until_ready())
            report(f"log_prob/{name}/gradients_jax_{kind}", lambda: jax.block_until_ready(slopes(*held)))


def samples():
    rng, n = np.random.default_rng(1), ENTRIES
    loc, scale = SHARED
    f32 = np.float32
    for name, work in {
        "normal/numpy_f64": lambda: rng.normal(loc, scale, n),
        "normal/numpy_f32": lambda: f32(loc) + f32(scale) * rng.standard_normal(n, dtype=f32),
        "uniform/numpy_f64": lambda: rng.uniform(-1, 2, n),
        "uniform/numpy_f32": lambda: f32(-1) + f32(3) * rng.random(n, dtype=f32),
        "exponential/numpy_f64": lambda: rng.exponential(1 / 1.7, n),
        "exponential/numpy_f32": lambda: f32(1 / 1.7) * rng.standard_exponential(n, dtype=f32),
        "laplace/numpy_f64": lambda: rng.laplace(loc, scale, n),
        "gamma/numpy_f64": lambda: rng.gamma(2.5, 1 / 1.3, n),
        "gamma/numpy_f32": lambda: f32(1 / 1.3) * rng.standard_gamma(2.5, n, dtype=f32),
        "beta/numpy_f64": lambda: rng.beta(2.0, 3.5, n),
        "student_t/numpy_f64": lambda: loc + scale * rng.standard_t(DF, n),
        "poisson_4/numpy": lambda: rng.poisson(4.0, n),
        "poisson_40/numpy": lambda: rng.poisson(40.0, n),
        "bernoulli/numpy": lambda: rng.random(n) < 0.3,
        "categorical/numpy": lambda: rng.choice(8, n, p=WEIGHTS),
    }.items():
        report(f"sample/{name}", work)
    logits = np.log(WEIGHTS)
    for kind, dtype in (("f64", jnp.float64), ("f32", jnp.float32)):
        l, s = dtype(loc), dtype(scale)
        for name, draw in {
            "normal": lambda k: l + s * jax.random.normal(k, (n,), dtype),
            "uniform": lambda k: jax.random.uniform(k, (n,), dtype, -1, 2),
            "exponential": lambda k: jax.random.exponential(k, (n,), dtype) / dtype(1.7),
            "laplace": lambda k: l + s * jax.random.laplace(k, (n,), dtype),
            "gamma": lambda k: jax.random.gamma(k, dtype(2.5), (n,), dtype) / dtype(1.3),
            "beta": lambda k: jax.random.beta(k, dtype(2.0), dtype(3.5), (n,), dtype),
            "student_t": lambda k: l + s * jax.random.t(k, dtype(DF), (n,), dtype),
            "poisson_4": lambda k: jax.random.poisson(k, 4.0, (n,)),
            "poisson_40": lambda k: jax.random.poisson(k, 40.0, (n,)),
            "bernoulli": lambda k: jax.random.bernoulli(k, dtype(0.3), (n,)),
            "categorical": lambda k: jax.random.categorical(k, dtype(logits), shape=(n,)),
        }.items():
            compiled, key = jax.jit(draw), jax.random.key(1)
            report(f"sample/{name}/jax_{kind}", lambda: compiled(key).block_until_ready())


log_prob()
samples()
