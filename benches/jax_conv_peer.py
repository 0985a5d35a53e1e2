"""Training steps of JAX beside `train_exact` and `train_det` of the nets of convolutions in examples/step_time: the local
estimator by hand, the divergence from N(0, 1) in closed form, Adam. One JSON line a workload, as the example prints.

Needs jax and optax (0.10.2 and 0.2.8 were used): python benches/jax_conv_peer.py [FILTER] [seconds]
"""

import json
import math
import statistics
import sys
import time

import jax
import jax.numpy as jnp
import optax

EXAMPLES = 60_000
INITIAL = math.log(math.expm1(1e-3 - 1e-5))
# Kernels of convolutions with their padding, P for a maximum of 2 by 2, sizes of dense layers.
NETS = {
    "lenet5": ((28, 28, 1), [((5, 5, 1, 6), "SAME"), "P", ((5, 5, 6, 16), "VALID"), "P", ((5, 5, 16, 120), "VALID"), (120, 84), (84, 10)]),
    "cnn": ((32, 32, 3), [((3, 3, 3, 32), "SAME"), ((3, 3, 32, 32), "VALID"), "P", ((3, 3, 32, 64), "SAME"), ((3, 3, 64, 64), "VALID"), "P", (2304, 256), (256, 10)]),
}


def linear(x, kernel, padding):
    if padding is None:
        return x.reshape(x.shape[0], -1) @ kernel
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def forward(weights, layers, x, key, local):
    divergence, index = 0.0, 0
    weighted = [layer for layer in layers if layer != "P"]
    for layer in layers:
        if layer == "P":
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
            continue
        padding = layer[1] if isinstance(layer[0], tuple) else None
        w = weights[index]
        y = linear(x, w["m"], padding) + w["mb"]
        if local:
            key, noise = jax.random.split(key)
            s, sb = jax.nn.softplus(w["rho"]) + 1e-5, jax.nn.softplus(w["rhob"]) + 1e-5
            variance = linear(x * x, s * s, padding) + sb * sb
            y = y + jnp.sqrt(variance) * jax.random.normal(noise, y.shape, jnp.float32)
            for m, d in ((w["m"], s), (w["mb"], sb)):
                divergence += (0.5 * (d * d + m * m - 1) - jnp.log(d)).sum()
        index += 1
        x = jax.nn.relu(y) if index < len(weighted) else y
    return x, divergence


def main():
    names = sys.argv[1].split(",") if len(sys.argv) > 1 else [""]
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 1.5
    adam = optax.adam(1e-3)
    for net, (image, layers) in NETS.items():
        for batch in (32, 128):
            for kind in ("exact", "det"):
                name = f"train_{kind}/{net}/b{batch}"
                if not any(part in name for part in names):
                    continue
                local, key = kind == "exact", jax.random.key(0)
                weights = []
                for layer in layers:
                    if layer == "P":
                        continue
                    shape = layer[0] if isinstance(layer[0], tuple) else layer
                    key, own = jax.random.split(key)
                    limit = math.sqrt(6 / (math.prod(shape[:-2]) * (shape[-2] + shape[-1])))
                    w = {"m": jax.random.uniform(own, shape, jnp.float32, -limit, limit), "mb": jnp.zeros(shape[-1])}
                    if local:
                        w |= {"rho": jnp.full(shape, INITIAL), "rhob": jnp.full(shape[-1], INITIAL)}
                    weights.append(w)
                x = jax.random.uniform(key, (batch, *image), jnp.float32)
                labels = (jnp.arange(batch) * 7919) % 10

                def loss_of(weights, key):
                    logits, divergence = forward(weights, layers, x, key, local)
                    nll = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
                    return nll + divergence / EXAMPLES

                @jax.jit
                def step(weights, state, key):
                    key, own = jax.random.split(key)
                    loss, gradients = jax.value_and_grad(loss_of)(weights, own)
                    updates, state = adam.update(gradients, state)
                    return optax.apply_updates(weights, updates), state, key, loss

                state = adam.init(weights)
                for _ in range(3):
                    weights, state, key, loss = step(weights, state, key)
                    loss.block_until_ready()
                times, end = [], time.perf_counter() + seconds
                while time.perf_counter() < end or len(times) < 4:
                    start = time.perf_counter()
                    weights, state, key, loss = step(weights, state, key)
                    float(loss)
                    times.append(1e3 * (time.perf_counter() - start))
                line = {"peer": "jax", "workload": name, "median_ms": statistics.median(times), "n": len(times), "loss_last": float(loss)}
                print(json.dumps(line), flush=True)


main()
