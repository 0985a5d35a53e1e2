"""Values of Keras' recurrent layers: writes recurrent.rs beside this file.

    python recurrent.py

Made with TensorFlow 2.21 and its Keras, in float64. The input, all weights and the weights of the sum that is
differentiated are formulas, which the Rust tests repeat.
"""

import pathlib

import keras
import numpy as np
import tensorflow as tf

keras.backend.set_floatx("float64")

FEATURES, UNITS = 2, 3
MASK = np.array([[True, True, False, True], [False, True, True, False]])


def ramp(shape, scale, phase):
    """scale * sin(phase + 1.7 i) + 0.3 i / n for the i-th of n entries."""
    n = int(np.prod(shape))
    i = np.arange(n)
    return (scale * np.sin(phase + 1.7 * i) + 0.3 * i / n).reshape(shape)


def assign(layer, phase):
    """Kernel, recurrent kernel and bias; a GRU's bias has a row for the input and one for the state."""
    layer.cell.kernel.assign(ramp(layer.cell.kernel.shape, 0.8, phase))
    layer.cell.recurrent_kernel.assign(ramp(layer.cell.recurrent_kernel.shape, 0.7, phase + 1.0))
    layer.cell.bias.assign(ramp(layer.cell.bias.shape, 0.5, phase + 2.0))


def outcome(layer, x, **arguments):
    """Output, and the gradient by x of the sum of the output times a ramp of its shape."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, **arguments)
        total = tf.reduce_sum(y * ramp(y.shape, 1.0, 4.0))
    return y.numpy(), tape.gradient(total, x).numpy()


def array(name, values):
    values = np.asarray(values, dtype=np.float64).ravel()
    body = "".join(f"    {float(v)!r},\n" for v in values)
    return f"pub(super) const {name}: [f64; {len(values)}] = [\n{body}];\n"


def main():
    out = [
        "// Values of Keras' recurrent layers, made by recurrent.py (TensorFlow "
        f"{tf.__version__}, Keras {keras.__version__}).\n"
    ]
    x = ramp((2, 4, FEATURES), 1.5, 0.0)

    def keep(name, layer, **arguments):
        y, dx = outcome(layer, x, **arguments)
        out.append(array(name, y))
        out.append(array(f"{name}_DX", dx))

    def made(kind, **arguments):
        layer = kind(UNITS, **arguments)
        layer.build(x.shape)
        assign(layer, 0.0)
        return layer

    for name, kind in [("LSTM", keras.layers.LSTM), ("GRU", keras.layers.GRU)]:
        keep(name, made(kind))
        keep(f"{name}_SEQUENCES", made(kind, return_sequences=True))
        keep(f"{name}_BACKWARDS", made(kind, return_sequences=True, go_backwards=True))
        keep(f"{name}_MASKED", made(kind), mask=tf.constant(MASK))
        keep(f"{name}_MASKED_SEQUENCES", made(kind, return_sequences=True), mask=tf.constant(MASK))
        masked_backwards = made(kind, return_sequences=True, go_backwards=True)
        keep(f"{name}_MASKED_BACKWARDS", masked_backwards, mask=tf.constant(MASK))
        other = made(kind, activation="softplus", recurrent_activation="tanh", return_sequences=True)
        keep(f"{name}_ACTIVATIONS", other)
        for sequences in [False, True]:
            both = keras.layers.Bidirectional(kind(UNITS, return_sequences=sequences))
            both.build(x.shape)
            assign(both.forward_layer, 0.0)
            assign(both.backward_layer, 0.6)
            suffix = "_SEQUENCES" if sequences else ""
            keep(f"{name}_BIDIRECTIONAL{suffix}", both)
            keep(f"{name}_BIDIRECTIONAL_MASKED{suffix}", both, mask=tf.constant(MASK))

    path = pathlib.Path(__file__).with_suffix(".rs")
    path.write_text("\n".join(out))


if __name__ == "__main__":
    main()
