"""A training step of torchbnn beside `train_shared/lenet/b128` of examples/step_time/main.rs: 784-300-100-10, one draw of the
weights for 128 rows, the divergence from N(0, 1) in closed form, Adam. Prints the median of the steps in milliseconds.

Needs torch and torchbnn (2.15 and 1.2 were used): python benches/torchbnn_peer.py [seconds]
"""

import statistics
import sys
import time

import torch
import torchbnn

ROWS, EXAMPLES = 128, 60_000
SIZES = [784, 300, 100, 10]

torch.set_num_threads(2)
torch.manual_seed(1)

layers = []
for inner, outer in zip(SIZES, SIZES[1:]):
    layers += [torchbnn.BayesLinear(prior_mu=0, prior_sigma=1, in_features=inner, out_features=outer), torch.nn.ReLU()]
net = torch.nn.Sequential(*layers[:-1])
divergence = torchbnn.BKLLoss(reduction="sum")
adam = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
x, labels = torch.rand(ROWS, SIZES[0]), torch.randint(SIZES[-1], (ROWS,))


def step():
    adam.zero_grad()
    loss = torch.nn.functional.cross_entropy(net(x), labels) + divergence(net).sum() / EXAMPLES
    loss.backward()
    adam.step()
    return loss.item()


for _ in range(5):
    step()
times, end = [], time.perf_counter() + (float(sys.argv[1]) if len(sys.argv) > 1 else 1.5)
while time.perf_counter() < end:
    start = time.perf_counter()
    step()
    times.append(1e3 * (time.perf_counter() - start))
print(f"{statistics.median(times):.3f}")
