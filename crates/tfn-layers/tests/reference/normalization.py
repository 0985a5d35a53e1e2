"""Values of Keras' normalization layers: writes normalization.rs beside this file.

    python normalization.py

Made with TensorFlow 2.21 and its Keras, in float64. The input, gamma, beta and the weights of the sum that is
differentiated are formulas, which the Rust tests repeat.
"""

import pathlib

import keras
import numpy as np
import tensorflow as tf

keras.backend.set_floatx("float64")


def ramp(shape, scale, phase):
    """scale * sin(phase + 1.7 i) + 0.3 i / n for the i-th of n entries."""
    n = int(np.prod(shape))
    i = np.arange(n)
    return (scale * np.sin(phase + 1.7 * i) + 0.3 * i / n).reshape(shape)


def weights_of(layer, shape):
    layer.build(shape)
    if layer.scale:
        layer.gamma.assign(1.0 + ramp(layer.gamma.shape, 0.4, 0.5))
    if layer.center:
        layer.beta.assign(ramp(layer.beta.shape, 0.6, 2.5))
    return layer


def outcome(layer, x, training=None):
    """Output, and the gradient by x of the sum of the output times ramp(shape, 1, 4)."""
    x = tf.constant(x)
    arguments = {} if training is None else {"training": training}
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, **arguments)
        total = tf.reduce_sum(y * ramp(x.shape, 1.0, 4.0))
    return y.numpy(), tape.gradient(total, x).numpy()


def array(name, values):
    values = np.asarray(values, dtype=np.float64).ravel()
    body = "".join(f"    {float(v)!r},\n" for v in values)
    return f"pub(super) const {name}: [f64; {len(values)}] = [\n{body}];\n"


def main():
    out = [
        "// Values of Keras' normalization layers, made by normalization.py (TensorFlow "
        f"{tf.__version__}, Keras {keras.__version__}).\n"
    ]

    def keep(name, layer, x, training=None):
        y, dx = outcome(layer, x, training)
        out.append(array(name, y))
        out.append(array(f"{name}_DX", dx))

    layers = keras.layers
    rows = ramp((5, 3), 2.0, 0.0)
    images = ramp((2, 3, 2, 4), 2.0, 1.0)

    batch = weights_of(layers.BatchNormalization(), (None, 3))
    keep("BATCH_TRAINING", batch, rows, True)
    out.append(array("BATCH_MOVING_MEAN_1", batch.moving_mean))
    out.append(array("BATCH_MOVING_VARIANCE_1", batch.moving_variance))
    batch(rows * 2.0 + 1.0, training=True)
    out.append(array("BATCH_MOVING_MEAN_2", batch.moving_mean))
    out.append(array("BATCH_MOVING_VARIANCE_2", batch.moving_variance))
    keep("BATCH_PREDICTION", batch, rows, False)

    plain = weights_of(layers.BatchNormalization(momentum=0.8, epsilon=1e-5, center=False, scale=False), (None, 3, 2, 4))
    keep("BATCH_PLAIN_TRAINING", plain, images, True)
    keep("BATCH_PLAIN_PREDICTION", plain, images, False)
    first = weights_of(layers.BatchNormalization(axis=1), (None, 3, 2, 4))
    keep("BATCH_AXIS_1_TRAINING", first, images, True)

    keep("LAYER", weights_of(layers.LayerNormalization(), (None, 3)), rows)
    keep("LAYER_TWO_AXES", weights_of(layers.LayerNormalization(axis=[-2, -1], epsilon=1e-6), (None, 3, 2, 4)), images)
    keep("LAYER_AXIS_1", weights_of(layers.LayerNormalization(axis=1), (None, 3, 2, 4)), images)

    keep("GROUP", weights_of(layers.GroupNormalization(groups=2), (None, 3, 2, 4)), images)
    keep("GROUP_AXIS_1", weights_of(layers.GroupNormalization(groups=3, axis=1), (None, 3, 2, 4)), images)
    keep("GROUP_ROWS", weights_of(layers.GroupNormalization(groups=2, center=False), (None, 4)), ramp((3, 4), 2.0, 1.0))

    path = pathlib.Path(__file__).with_suffix(".rs")
    path.write_text("\n".join(out))


main()
