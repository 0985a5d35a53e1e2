"""Reference values of the families, from ball arithmetic of at least 300 bits (python-flint, which is Arb).

    python -m venv venv && venv/bin/pip install python-flint
    venv/bin/python tests/accuracy/reference.py            # all families; or name some

Offline: the tests read what it wrote, one CSV a family. Every parameter and value is an f64, and the results are those of
just that number. A result is computed with twice the bits until its ball is narrower than 2^-190 of it; derivatives are
central differences with steps of 2^-80, of which neither the truncation nor the rounding reaches the fortieth digit (those
of logarithms of probabilities with steps of 2^-100: the fiftieth).

Columns: parameters, `value`, `p`; then each quantity, and under its name with `~` the condition (two digits): by how
much the exact result moves if each input moves by its own size, all of them added up. Of a distance, `value - loc` or
`high - low`, the size is that of the distance, not that of its ends. Vectors stand in one cell, blanks between them.
"""

import csv
import math
import os
import random
import sys

from flint import acb, arb, ctx

SEED = 20260
RANDOM_POINTS = 70
HERE = os.path.dirname(os.path.abspath(__file__))
STEP = arb(2) ** -80
# Of slopes of the logarithms of probabilities: the rest of the series is below the fiftieth digit.
TAIL_STEP = arb(2) ** -100


def exact(f, bits=190):
    """f() with enough bits; a float or infinity that f gives stays."""
    for precision in (300, 450, 700, 1100, 1800, 3000, 6000, 12000):
        ctx.prec = precision
        result = f()
        if result.is_zero() or (result.is_finite() and result.rel_accuracy_bits() >= bits):
            return result
        # A derivative that is 0 never has correct digits.
        if precision >= 3000 and abs(result).upper() < arb(2) ** (-precision // 2):
            return arb(0)
    raise ArithmeticError("no result within the bits allowed")


def slope(f, at, i, step=STEP):
    """Derivative of f in its argument i."""
    x = at[i]
    step = step * (abs(x) if x != 0 else arb(1))
    ends = [f(*at[:i], x + sign * step, *at[i + 1:]) for sign in (1, -1)]
    return (ends[0] - ends[1]) / (2 * step)


def is_truncation(value, f, at, i):
    """Whether the slope is but what the step leaves: that falls to a quarter with half of it."""
    halved = exact(lambda: slope(f, at, i, STEP / 2), 60)
    return abs(4 * halved - value) < abs(value) / 1000


# -- special functions ---------------------------------------------------------------------------------------

def series(first, ratio):
    """first·(1 + r0 + r0 r1 + ...), all terms positive and finally falling."""
    total, term, n = arb(1), arb(1), 0
    while True:
        term *= ratio(n)
        total += term
        n += 1
        if n % 16 == 0 and term < total * arb(2) ** (-ctx.prec):
            return first * total


def gamma_p(a, x):
    if x > a:
        return 1 - gamma_q(a, x)
    first = (a * x.log() - x - (a + 1).lgamma()).exp()
    return series(first, lambda n: x / (a + 1 + n))


def gamma_q(a, x):
    if x < a:
        return 1 - gamma_p(a, x)
    return x.gamma_upper(a, regularized=1)


def beta_terms(a, b, x):
    """About how many terms the series of I_x(a, b) takes."""
    a, b, x, n = float(a), float(b), float(x.log()), 16
    while n < 1e6 and n * x + (b - 1) * math.log1p(n / (a + 1)) > -0.7 * ctx.prec:
        n *= 1.5
    return n


def beta_i(a, b, x, y):
    """I_x(a, b) with y = 1 - x, which is given apart so that both are exact."""
    direct, other = beta_terms(a, b, x), beta_terms(b, a, y)
    if min(direct, other) > 5000:
        below = x * (a + b) < a
        return x.beta_lower(a, b, regularized=1) if below else 1 - y.beta_lower(b, a, regularized=1)
    if direct > 3 * other:
        return 1 - beta_i(b, a, y, x)
    first = (a * x.log() + b * y.log() - a.log() - a.lgamma() - b.lgamma() + (a + b).lgamma()).exp()
    return series(first, lambda n: (a + b + n) / (a + 1 + n) * x)


def erfc_half(z):
    """Probability of a standard normal above z."""
    return (z / arb(2).sqrt()).erfc() / 2


def ln_two_pi():
    return (2 * arb.pi()).log()


def lbeta(a, b):
    return a.lgamma() + b.lgamma() - (a + b).lgamma()


# -- families ------------------------------------------------------------------------------------------------

class Family:
    """A family by its log_prob, and where they exist the probabilities below and above, and the quantile."""

    name = ""
    parameters = ()
    constants = ()  # parameters without a gradient
    discrete = False
    tails = True
    d_value = True
    ends = (-math.inf, math.inf)  # of the chart that quantiles are sought in: beyond they are 0 or 1 in f64

    def sizes(self, *inputs):
        """Sizes of parameters and value in the conditions of functions of the value."""
        return [abs(x) for x in inputs]

    def quantile(self, p, *parameters):
        """By bisection to a double's digits, then by Newton, in the tail that is smaller."""
        lower = p <= 0.5
        target = p if lower else 1 - p
        tail = (lambda x: self.cdf(*parameters, x)) if lower else (lambda x: self.sf(*parameters, x))
        ctx.prec = 300
        low, high = self.bracket(*parameters)
        to_x, low, high = self.chart(low, high, *parameters)
        for _ in range(50):
            middle = ((low + high) / 2).mid()
            below = exact(lambda: tail(to_x(middle).mid()), 20) < target
            low, high = (middle, high) if below == lower else (low, middle)
        if high < self.ends[0] or low > self.ends[1]:
            return None
        x = to_x((low + high) / 2).mid()
        for _ in range(4):
            density = exact(lambda: self.log_prob(*parameters, x).exp(), 190)
            off = exact(lambda: tail(x), 250) - target
            x = (x - (off if lower else -off) / density).mid()
        return x

    def chart(self, low, high, *parameters):
        """A coordinate in which bisection is quick: logarithms of positive values."""
        return (lambda u: u.exp()), low, high

    def bracket(self, *parameters):
        return arb(-3000), arb(3000)

    def quantiles_for(self, *parameters):
        return True


class LocScale(Family):
    """A family of z = (x - loc)/scale."""

    parameters = ("loc", "scale")
    shapes = ()

    def sizes(self, *inputs):
        *shapes, loc, scale, x = inputs
        return [abs(s) for s in shapes] + [arb(0), abs(scale), abs(x - loc)]

    def log_prob(self, *inputs):
        *shapes, loc, scale, x = inputs
        return self.standard(*shapes, (x - loc) / scale) - scale.log()

    def cdf(self, *inputs):
        *shapes, loc, scale, x = inputs
        return self.below(*shapes, (x - loc) / scale)

    def sf(self, *inputs):
        *shapes, loc, scale, x = inputs
        return self.above(*shapes, (x - loc) / scale)

    def above(self, *inputs):
        *shapes, z = inputs
        return self.below(*shapes, -z)

    def quantile(self, p, *parameters):
        *shapes, loc, scale = parameters
        return loc + scale * self.standard_quantile(p, *shapes)

    def shape_points(self, rng):
        return ()

    def z(self, rng):
        return rng.choice([-1, 1]) * log_uniform(rng, 1e-3, 40)

    def points(self, rng):
        for z in (-40, -38.5, -30, -20, -12, -8.25, -5, -2, -1, -0.5, -0.125, -1e-9, 0, 1e-12, 0.25, 0.75, 1, 2.5, 6, 9, 15, 25, 37, 40):
            if z >= self.least:
                yield (*self.shape_points(rng), 0.0, 1.0, float(z))
        for i in range(RANDOM_POINTS):
            scale = short(log_uniform(rng, 1e-6, 1e6))
            loc = short(rng.choice([-1, 1]) * scale * log_uniform(rng, 1e-3, 1e3)) if i % 3 else 0.0
            yield (*self.shape_points(rng), loc, scale, loc + scale * self.z(rng))

    least = -math.inf


def log_uniform(rng, low, high):
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def short(x):
    return float(f"{x:.4g}")


class Normal(LocScale):
    name = "Normal"

    def standard(self, z):
        return -z * z / 2 - ln_two_pi() / 2

    def below(self, z):
        return erfc_half(-z)

    def standard_quantile(self, p):
        return -arb(2).sqrt() * (2 * p).erfcinv() if p < 0.5 else arb(2).sqrt() * (2 * (1 - p)).erfcinv()


class LogNormal(LocScale):
    name = "LogNormal"

    def log_prob(self, loc, scale, x):
        z = (x.log() - loc) / scale
        return -z * z / 2 - ln_two_pi() / 2 - scale.log() - x.log()

    def cdf(self, loc, scale, x):
        return erfc_half((loc - x.log()) / scale)

    def sf(self, loc, scale, x):
        return erfc_half((x.log() - loc) / scale)

    def quantile(self, p, loc, scale):
        return (loc + scale * Normal().standard_quantile(p)).exp()

    def sizes(self, loc, scale, x):
        # `ln x` is rounded before `loc` is taken away, so both count as they are.
        return [abs(loc), abs(scale), abs(x) * max(arb(1), abs(x.log()))]

    def points(self, rng):
        for z in (-40, -12, -5, -1, -1e-9, 0, 0.5, 3, 9, 20, 37, 40):
            yield 0.0, 1.0, math.exp(z)
        for _ in range(RANDOM_POINTS):
            scale = short(log_uniform(rng, 1e-6, 15))
            loc = short(rng.uniform(-50, 50))
            yield loc, scale, math.exp(loc + scale * self.z(rng))


class LogitNormal(LogNormal):
    name = "LogitNormal"

    def log_prob(self, loc, scale, x):
        return Normal.log_prob(Normal(), loc, scale, (x / (1 - x)).log()) - x.log() - (1 - x).log()

    def cdf(self, loc, scale, x):
        return erfc_half((loc - (x / (1 - x)).log()) / scale)

    def sf(self, loc, scale, x):
        return erfc_half(((x / (1 - x)).log() - loc) / scale)

    def quantile(self, p, loc, scale):
        odds = LogNormal.quantile(self, p, loc, scale)
        x = odds / (1 + odds)
        return x if x < 1 - arb(2) ** -54 else None

    def sizes(self, loc, scale, x):
        # As of LogNormal; a value near 1 counts by its distance from 1, as for Beta.
        return [abs(loc), abs(scale), min(x, 1 - x) * max(arb(1), abs((x / (1 - x)).log()))]

    def points(self, rng):
        for z in (-40, -12, -5, -1, -1e-9, 0, 0.5, 3, 9, 20, 30, 36):
            yield 0.0, 1.0, 1 / (1 + math.exp(-z))
        while True:
            scale = short(log_uniform(rng, 1e-6, 15))
            loc = short(rng.uniform(-50, 30))
            odds = math.exp(loc + scale * self.z(rng))
            if 1e-300 < odds / (1 + odds) < 1:
                yield loc, scale, odds / (1 + odds)


class Laplace(LocScale):
    name = "Laplace"

    def standard(self, z):
        return -abs(z) - arb(2).log()

    def below(self, z):
        return z.exp() / 2 if z < 0 else 1 - (-z).exp() / 2

    def standard_quantile(self, p):
        return (2 * p).log() if p < 0.5 else -(2 * (1 - p)).log()


class Cauchy(LocScale):
    name = "Cauchy"

    def z(self, rng):
        return rng.choice([-1, 1]) * log_uniform(rng, 1e-3, 1e12)

    def standard(self, z):
        return -(1 + z * z).log() - arb.pi().log()

    def below(self, z):
        return (-1 / z).atan() / arb.pi() if z < 0 else 1 - self.below(-z) if z > 0 else arb(0.5)

    def standard_quantile(self, p):
        return -1 / (arb.pi() * p).tan() if p < 0.5 else 1 / (arb.pi() * (1 - p)).tan() if p > 0.5 else arb(0)


class Logistic(LocScale):
    name = "Logistic"

    def z(self, rng):
        return rng.choice([-1, 1]) * log_uniform(rng, 1e-3, 700)

    def standard(self, z):
        return -abs(z) - 2 * (1 + (-abs(z)).exp()).log()

    def below(self, z):
        return 1 / (1 + (-z).exp())

    def standard_quantile(self, p):
        return (p / (1 - p)).log()


class Gumbel(LocScale):
    name = "Gumbel"

    def z(self, rng):
        return rng.uniform(-7, 40)

    def standard(self, z):
        return -z - (-z).exp()

    def below(self, z):
        return (-(-z).exp()).exp()

    def above(self, z):
        return -(-(-z).exp()).expm1()

    def standard_quantile(self, p):
        return -(-p.log()).log()


class StudentT(LocScale):
    name = "StudentT"
    parameters = ("df", "loc", "scale")

    def shape_points(self, rng):
        return (short(rng.choice([log_uniform(rng, 1e-6, 1e6), log_uniform(rng, 0.5, 100)])),)

    def standard(self, df, z):
        return -(df + 1) / 2 * (z * z / df).log1p() - df.log() / 2 - lbeta(df / 2, arb(1) / 2)

    def below(self, df, z):
        if z == 0:
            return arb(0.5)
        tail = beta_i(df / 2, arb(1) / 2, df / (df + z * z), z * z / (df + z * z)) / 2
        return tail if z < 0 else 1 - tail

    def quantile(self, p, df, loc, scale):
        if p == 0.5:
            return loc
        # The lower tail at exp(u), found in the standard family and turned where p > 1/2.
        half = HalfStudentT()
        magnitude = half.magnitude(min(p, 1 - p) * 2, df)
        return loc + (scale * magnitude if p > 0.5 else -scale * magnitude)


class Half(LocScale):
    """The upper half of a symmetric family."""

    least = 1e-12

    def z(self, rng):
        return log_uniform(rng, 1e-3, 40)

    def standard(self, *inputs):
        return self.whole.standard(*inputs) + arb(2).log()

    def below(self, *inputs):
        return 1 - self.above(*inputs)

    def above(self, *inputs):
        *shapes, z = inputs
        return 2 * self.whole.below(*shapes, -z)

    def standard_quantile(self, p, *shapes):
        return self.whole.standard_quantile((1 + p) / 2, *shapes)


class HalfNormal(Half):
    name = "HalfNormal"
    parameters = ("scale",)
    whole = Normal()

    def log_prob(self, scale, x):
        return self.standard(x / scale) - scale.log()

    def cdf(self, scale, x):
        return (x / scale / arb(2).sqrt()).erf()

    def sf(self, scale, x):
        return (x / scale / arb(2).sqrt()).erfc()

    def quantile(self, p, scale):
        return scale * arb(2).sqrt() * p.erfinv()

    def sizes(self, *inputs):
        return [abs(x) for x in inputs]

    def points(self, rng):
        for loc, scale, x in Half.points(self, rng):
            yield scale, abs(x - loc)


class HalfCauchy(Half):
    name = "HalfCauchy"
    whole = Cauchy()

    def z(self, rng):
        return log_uniform(rng, 1e-3, 1e12)

    def below(self, z):
        return 2 * z.atan() / arb.pi()

    def standard_quantile(self, p):
        return (arb.pi() * p / 2).tan()


class HalfStudentT(Half):
    name = "HalfStudentT"
    parameters = ("df", "loc", "scale")
    whole = StudentT()

    def shape_points(self, rng):
        return self.whole.shape_points(rng)

    def above(self, df, z):
        return beta_i(df / 2, arb(1) / 2, df / (df + z * z), z * z / (df + z * z))

    def below(self, df, z):
        return beta_i(arb(1) / 2, df / 2, z * z / (df + z * z), df / (df + z * z))

    def magnitude(self, p, df):
        """The z above which the probability is p."""
        ctx.prec = 400
        low, high = arb(-800), arb(4000) if df > 0.4 else 800 / df
        for _ in range(50):
            middle = ((low + high) / 2).mid()
            low, high = (low, middle) if exact(lambda: self.above(df, middle.exp().mid()), 20) < p else (middle, high)
        z = ((low + high) / 2).exp().mid()
        for _ in range(5):
            ctx.prec = 700
            # Newton on logarithms, for which the tail is nearly a line.
            above = exact(lambda: self.above(df, z), 250)
            steepness = z * self.standard(df, z).exp() / above
            z = (z * ((above / p).log() / steepness).exp()).mid()
        return z

    def quantile(self, p, df, loc, scale):
        # Nearer to 1 the complement has no digits with the bits that `magnitude` takes.
        return loc + scale * self.magnitude(1 - p, df) if p > 1e-20 else None


class Uniform(LocScale):
    name = "Uniform"
    parameters = ("low", "high")

    def sizes(self, low, high, x):
        return [arb(0), high - low, x - low]

    def log_prob(self, low, high, x):
        return -(high - low).log()

    def cdf(self, low, high, x):
        return (x - low) / (high - low)

    def sf(self, low, high, x):
        return (high - x) / (high - low)

    def quantile(self, p, low, high):
        return low + p * (high - low)

    def points(self, rng):
        for _ in range(RANDOM_POINTS):
            low = short(rng.choice([-1, 1]) * log_uniform(rng, 1e-6, 1e6))
            high = short(low + log_uniform(rng, 1e-2, 1e6) * abs(low))
            yield low, high, low + (high - low) * rng.choice([rng.random(), log_uniform(rng, 1e-12, 0.1)])


class Exponential(Family):
    name = "Exponential"
    parameters = ("rate",)

    def log_prob(self, rate, x):
        return rate.log() - rate * x

    def cdf(self, rate, x):
        return -(-rate * x).expm1()

    def sf(self, rate, x):
        return (-rate * x).exp()

    def quantile(self, p, rate):
        return -(-p).log1p() / rate

    def points(self, rng):
        for _ in range(RANDOM_POINTS):
            rate = short(log_uniform(rng, 1e-6, 1e6))
            yield rate, log_uniform(rng, 1e-12, 700) / rate


class Gamma(Family):
    name = "Gamma"
    parameters = ("concentration", "rate")

    def log_prob(self, a, rate, x):
        return a * (rate * x).log() - x.log() - rate * x - a.lgamma()

    def cdf(self, a, rate, x):
        return gamma_p(a, rate * x)

    def sf(self, a, rate, x):
        return gamma_q(a, rate * x)

    def bracket(self, a, rate):
        middle = a.log() - rate.log()
        return middle - 800 - 800 / a, middle + 10 + 1 / a.sqrt()

    def standard_point(self, rng, a):
        """A value of rate 1, from the far lower tail to the far upper one."""
        if a > 2 and rng.random() < 0.7:
            x = a * (1 + rng.uniform(-40, 40) / (3 * math.sqrt(a))) ** 3 if a > 200 else rng.gammavariate(a, 1)
            if x > 0:
                return x
        return (a + 1) * log_uniform(rng, 1e-12 if a > 0.05 else 1e-250, 50)

    def points(self, rng):
        for a in (1.0, 1.0, 0.5, 2.0, 1e-6, 1e-6, 1e6, 1e6, 1e6):
            yield a, 1.0, self.standard_point(rng, a)
        for _ in range(RANDOM_POINTS):
            a = short(rng.choice([log_uniform(rng, 1e-6, 1e6), log_uniform(rng, 0.1, 100)]))
            rate = short(log_uniform(rng, 1e-6, 1e6))
            yield a, rate, self.standard_point(rng, a) / rate


class InverseGamma(Gamma):
    name = "InverseGamma"
    parameters = ("concentration", "scale")

    def log_prob(self, a, scale, x):
        return a * (scale / x).log() - x.log() - scale / x - a.lgamma()

    def cdf(self, a, scale, x):
        return gamma_q(a, scale / x)

    def sf(self, a, scale, x):
        return gamma_p(a, scale / x)

    def bracket(self, a, scale):
        middle = scale.log() - a.log()
        return middle - 10 - 1 / a.sqrt(), middle + 800 + 800 / a

    def points(self, rng):
        for a, scale, x in Gamma.points(self, rng):
            yield a, scale, scale / (x * scale)


class Chi2(Gamma):
    name = "Chi2"
    parameters = ("df",)

    def log_prob(self, df, x):
        return df / 2 * (x / 2).log() - x.log() - x / 2 - (df / 2).lgamma()

    def cdf(self, df, x):
        return gamma_p(df / 2, x / 2)

    def sf(self, df, x):
        return gamma_q(df / 2, x / 2)

    def bracket(self, df):
        return Gamma.bracket(self, df / 2, arb(1) / 2)

    def points(self, rng):
        for a, rate, x in Gamma.points(self, rng):
            yield 2 * a, 2 * (x * rate)


class Weibull(Family):
    name = "Weibull"
    parameters = ("concentration", "scale")

    def log_prob(self, k, scale, x):
        u = k * (x / scale).log()
        return k.log() - x.log() + u - u.exp()

    def cdf(self, k, scale, x):
        return -(-(k * (x / scale).log()).exp()).expm1()

    def sf(self, k, scale, x):
        return (-(k * (x / scale).log()).exp()).exp()

    def quantile(self, p, k, scale):
        return scale * ((-(-p).log1p()).log() / k).exp()

    def points(self, rng):
        while True:
            k = short(rng.choice([log_uniform(rng, 1e-6, 1e6), log_uniform(rng, 0.1, 100)]))
            scale = short(log_uniform(rng, 1e-6, 1e6))
            u = math.log(log_uniform(rng, 1e-15, 700)) / k
            if abs(u) < 650:
                yield k, scale, scale * math.exp(u)


class Beta(Family):
    name = "Beta"
    parameters = ("concentration1", "concentration0")
    ends = (-4900, 799)

    def sizes(self, a, b, x):
        # A value near 1 is known by its distance from 1 only as well as `1 - x` is, and that is exact.
        return [abs(a), abs(b), min(x, 1 - x)]

    def log_prob(self, a, b, x):
        return (a - 1) * x.log() + (b - 1) * (1 - x).log() - lbeta(a, b)

    def cdf(self, a, b, x):
        return beta_i(a, b, x, 1 - x)

    def sf(self, a, b, x):
        return beta_i(b, a, 1 - x, x)

    def chart(self, low, high, a, b):
        # Logits.
        return (lambda u: u.exp() / (1 + u.exp())), low, high

    def bracket(self, a, b):
        return max(-800 - 800 / a, arb(-5000)), arb(800)

    def points(self, rng):
        while True:
            kind = rng.randrange(3)
            if kind == 0:
                a, b = (short(log_uniform(rng, 1e-6, 1e6)) for _ in range(2))
            elif kind == 1:
                a, b = (short(log_uniform(rng, 0.1, 50)) for _ in range(2))
            else:
                a = short(log_uniform(rng, 1e2, 1e6))
                b = short(a * log_uniform(rng, 0.01, 100))
            mean = a / (a + b)
            deviation = math.sqrt(mean * (1 - mean) / (a + b + 1))
            x = rng.choice([
                mean + deviation * rng.uniform(-40, 40),
                log_uniform(rng, 1e-9, 0.5),
                1 - log_uniform(rng, 1e-9, 0.5),
                log_uniform(rng, 1e-200, 0.5),
            ])
            # Where two of three terms exceed 1e9 nothing but their difference is asked.
            if 0 < x < 1 and not (kind == 2 and abs(x - mean) > 60 * deviation):
                yield a, b, x


class Kumaraswamy(Family):
    name = "Kumaraswamy"
    parameters = ("concentration1", "concentration0")
    sizes = Beta.sizes

    def log_prob(self, a, b, x):
        return a.log() + b.log() + (a - 1) * x.log() + (b - 1) * (-(a * x.log()).exp()).log1p()

    def cdf(self, a, b, x):
        return -(b * (-(a * x.log()).exp()).log1p()).expm1()

    def sf(self, a, b, x):
        return (b * (-(a * x.log()).exp()).log1p()).exp()

    def quantile(self, p, a, b):
        x = (((-((-p).log1p() / b).expm1()).log()) / a).exp()
        return x if x < 1 - arb(2) ** -100 else None

    def points(self, rng):
        while True:
            a, b = (short(rng.choice([log_uniform(rng, 1e-6, 1e6), log_uniform(rng, 0.1, 50)])) for _ in range(2))
            # From a probability above, over many sizes; or any value.
            t = log_uniform(rng, 1e-12, 600) / b
            w = -math.expm1(-t)
            x = rng.choice([rng.random(), math.exp(math.log(w) / a) if w > 0 and math.log(w) / a > -600 else 0.5])
            if 0 < x < 1 and math.exp(a * math.log(x)) < 1 - 1e-12:
                yield a, b, x


class VonMises(LocScale):
    name = "VonMises"
    parameters = ("loc", "concentration")

    def sizes(self, loc, concentration, x):
        return [arb(0), abs(concentration), abs(x - loc)]

    def normaliser(self, k):
        return 2 * arb.pi() * k.bessel_i(arb(0), scaled=True)

    def log_prob(self, loc, k, x):
        return -2 * k * ((x - loc) / 2).sin() ** 2 - self.normaliser(k).log()

    def tail(self, k, z):
        """Probability below a negative z, as an integral from -pi."""
        def integrand(t, _):
            return (-2 * k * ((t / 2).sin() ** 2)).exp()

        peak = (-2 * k * (z / 2).sin() ** 2).exp().mid()
        tiny = peak * arb(2) ** (-ctx.prec)
        total = acb.integral(integrand, -arb.pi(), z, abs_tol=tiny, rel_tol=arb(2) ** -(ctx.prec - 40), eval_limit=10**6)
        return total.real / self.normaliser(k)

    def cdf(self, loc, k, x):
        z = x - loc
        return self.tail(k, z) if z < 0 else 1 - self.tail(k, -z)

    def sf(self, loc, k, x):
        z = x - loc
        return self.tail(k, -z) if z > 0 else 1 - self.tail(k, z)

    def quantile(self, p, loc, k):
        if p == 0.5:
            return loc
        q = min(p, 1 - p)
        ctx.prec = 300
        low, high = -arb.pi().mid(), arb(0)
        ctx.prec = 100
        for _ in range(40):
            middle = ((low + high) / 2).mid()
            low, high = (middle, high) if self.tail(k, middle) < q else (low, middle)
        z = ((low + high) / 2).mid()
        for _ in range(5):
            ctx.prec = 500
            z = (z - (self.tail(k, z) - q) / self.log_prob(arb(0), k, z).exp()).mid()
        return loc + (z if p < 0.5 else -z)

    def points(self, rng):
        while True:
            k = short(rng.choice([log_uniform(rng, 1e-6, 1e6), log_uniform(rng, 0.1, 50)]))
            loc = rng.choice([0.0, short(rng.uniform(-3, 3))])
            width = min(math.pi, 40 / math.sqrt(k))
            x = loc + rng.choice([rng.uniform(-1, 1), rng.choice([-1, 1]) * log_uniform(rng, 1e-4, 1)]) * width
            if abs(x - loc) < math.pi:
                yield loc, k, x


class TruncatedNormal(Family):
    name = "TruncatedNormal"
    parameters = ("loc", "scale", "low", "high")

    def sizes(self, loc, scale, low, high, x):
        return [arb(0), scale, abs(low - loc), abs(high - loc), max(abs(x - loc), arb(0))]

    def mass(self, a, b):
        """Probability of a standard normal between a and b."""
        return erfc_half(a) - erfc_half(b) if a > 0 else erfc_half(-b) - erfc_half(-a)

    def log_prob(self, loc, scale, low, high, x):
        z = (x - loc) / scale
        return -z * z / 2 - ln_two_pi() / 2 - scale.log() - self.mass((low - loc) / scale, (high - loc) / scale).log()

    def cdf(self, loc, scale, low, high, x):
        a, b, z = ((end - loc) / scale for end in (low, high, x))
        return self.mass(a, z) / self.mass(a, b)

    def sf(self, loc, scale, low, high, x):
        a, b, z = ((end - loc) / scale for end in (low, high, x))
        return self.mass(z, b) / self.mass(a, b)

    def quantile(self, p, loc, scale, low, high):
        a, b = ((end - loc) / scale for end in (low, high))
        if a > 0:
            a, b, p = -b, -a, 1 - p
            flipped = True
        else:
            flipped = False
        # Now the lower tail is the exact one, unless both ends lie far above, which cannot be any more.
        below = erfc_half(-a) + p * self.mass(a, b)
        z = Normal().standard_quantile(below)
        return loc + scale * (-z if flipped else z)

    def points(self, rng):
        for i in range(RANDOM_POINTS + 20):
            scale = short(log_uniform(rng, 1e-6, 1e6))
            loc = short(rng.choice([-1, 1]) * scale * log_uniform(rng, 1e-2, 1e2)) if i % 2 else 0.0
            kind = i % 5
            if kind == 0:
                a, b = sorted(rng.uniform(-3, 3) for _ in range(2))
            elif kind == 1:
                a = rng.uniform(3, 38)
                b = a + log_uniform(rng, 1e-2, 5)
            elif kind == 2:
                b = -rng.uniform(3, 38)
                a = b - log_uniform(rng, 1e-2, 5)
            elif kind == 3:
                a, b = -rng.uniform(0, 40), rng.uniform(0, 40)
            else:
                a = rng.uniform(-2, 2)
                b = a + log_uniform(rng, 1e-4, 1e-1)
            low, high = loc + scale * a, loc + scale * b
            x = low + (high - low) * rng.choice([rng.random(), log_uniform(rng, 1e-9, 0.5)])
            if low < x < high:
                yield loc, scale, low, high, x


class Horseshoe(Family):
    name = "Horseshoe"
    parameters = ("scale",)
    tails = False

    def log_prob(self, scale, x):
        t = (x / scale) ** 2 / 2
        return t + t.expint(arb(1)).log() - (2 * arb.pi() ** 3).log() / 2 - scale.log()

    def points(self, rng):
        for _ in range(RANDOM_POINTS):
            scale = short(log_uniform(rng, 1e-6, 1e6))
            yield scale, rng.choice([-1, 1]) * scale * rng.choice([log_uniform(rng, 1e-12, 1e6), log_uniform(rng, 1e-2, 60)])


class Discrete(Family):
    """Counts; the parameters' conditions only, for a count is exact."""

    discrete = True
    d_value = False

    def sizes(self, *inputs):
        return [abs(x) for x in inputs[:-1]] + [arb(0)]

    def quantile(self, p, *parameters):
        """The least count with a cdf of at least p; None if rounding of p could choose another one."""
        ctx.prec = 300
        answers = []
        for target in (p * (1 - arb(2) ** -30), p * (1 + arb(2) ** -30)):
            if target > 1:
                return None
            low, high = -1, self.most(*parameters)
            while high - low > 1:
                middle = (low + high) // 2
                below = exact(lambda: self.cdf(*parameters, arb(middle)), 60) < target
                low, high = (middle, high) if below else (low, middle)
            answers.append(high)
        # In the upper tail 1 - p is what is rounded.
        if p > 0.5 and 1 - p < arb(2) ** -20:
            return None
        return arb(answers[0]) if answers[0] == answers[1] else None


class Bernoulli(Discrete):
    name = "Bernoulli"
    parameters = ("logits",)

    def log_prob(self, logits, x):
        return -(1 + (-logits if x == 1 else logits).exp()).log()

    def cdf(self, logits, x):
        return arb(1) if x == 1 else 1 / (1 + logits.exp())

    def sf(self, logits, x):
        return arb(0) if x == 1 else 1 / (1 + (-logits).exp())

    def most(self, logits):
        return 1

    def points(self, rng):
        for _ in range(RANDOM_POINTS):
            yield short(rng.choice([-1, 1]) * log_uniform(rng, 1e-6, 700)), float(rng.randrange(2))


class Binomial(Discrete):
    name = "Binomial"
    parameters = ("total_count", "probs")
    constants = ("total_count",)

    def sizes(self, n, p, k):
        # A count is exact.
        return [arb(0), min(p, 1 - p), arb(0)]

    def log_prob(self, n, p, k):
        choose = (n + 1).lgamma() - (k + 1).lgamma() - (n - k + 1).lgamma()
        return choose + k * p.log() + (n - k) * (1 - p).log()

    def cdf(self, n, p, k):
        return arb(1) if k >= n else beta_i(n - k, k + 1, 1 - p, p) if k >= 0 else arb(0)

    def sf(self, n, p, k):
        return arb(0) if k >= n else beta_i(k + 1, n - k, p, 1 - p) if k >= 0 else arb(1)

    def most(self, n, p):
        return int(float(n))

    def points(self, rng):
        for _ in range(RANDOM_POINTS + 10):
            n = float(round(rng.choice([log_uniform(rng, 1, 100), log_uniform(rng, 1, 1e6)])))
            p = rng.choice([dyadic(rng.random()), dyadic(rng.random()), short(log_uniform(rng, 1e-6, 0.1))])
            deviation = math.sqrt(n * p * (1 - p))
            k = round(n * p + deviation * rng.uniform(-12, 12)) if rng.random() < 0.8 else rng.randint(0, int(n))
            yield n, p, float(min(max(k, 0), n))


def dyadic(x):
    """Near x, with a complement that is an f64 too."""
    return (math.floor(x * 2**40) + 0.5) / 2**40


class Poisson(Discrete):
    name = "Poisson"
    parameters = ("rate",)

    def log_prob(self, rate, k):
        return k * rate.log() - rate - (k + 1).lgamma()

    def cdf(self, rate, k):
        return gamma_q(k + 1, rate) if k >= 0 else arb(0)

    def sf(self, rate, k):
        return gamma_p(k + 1, rate) if k >= 0 else arb(1)

    def most(self, rate):
        return int(3 * float(rate) + 2000)

    def points(self, rng):
        for _ in range(RANDOM_POINTS):
            rate = short(rng.choice([log_uniform(rng, 1e-6, 1e6), log_uniform(rng, 0.1, 100)]))
            k = max(0, round(rate + math.sqrt(rate + 1) * rng.uniform(-20, 40)))
            yield rate, float(k)


class Geometric(Discrete):
    name = "Geometric"
    parameters = ("probs",)

    def sizes(self, p, k):
        return [min(p, 1 - p), arb(0)]

    def log_prob(self, p, k):
        return k * (-p).log1p() + p.log()

    def cdf(self, p, k):
        return -((k + 1) * (-p).log1p()).expm1()

    def sf(self, p, k):
        return ((k + 1) * (-p).log1p()).exp()

    def most(self, p):
        return int(1000 / float(p)) + 10

    def points(self, rng):
        for _ in range(RANDOM_POINTS):
            p = rng.choice([dyadic(rng.random()), short(log_uniform(rng, 1e-6, 0.1))])
            yield p, float(round(rng.choice([rng.randrange(10), log_uniform(rng, 0.1, 300) / p])))


class NegativeBinomial(Discrete):
    """Successes of probability `probs` before the failure number `total_count`."""

    name = "NegativeBinomial"
    parameters = ("total_count", "probs")

    def sizes(self, r, p, k):
        return [abs(r), min(p, 1 - p), arb(0)]

    def log_prob(self, r, p, k):
        return (k + r).lgamma() - (k + 1).lgamma() - r.lgamma() + r * (-p).log1p() + k * p.log()

    def cdf(self, r, p, k):
        return beta_i(r, k + 1, 1 - p, p) if k >= 0 else arb(0)

    def sf(self, r, p, k):
        return beta_i(k + 1, r, p, 1 - p) if k >= 0 else arb(1)

    def most(self, r, p):
        p = float(p)
        return int((float(r) + 1000) * p / (1 - p) * 3 + 1000 / (1 - p))

    def points(self, rng):
        for _ in range(RANDOM_POINTS + 10):
            r = short(rng.choice([log_uniform(rng, 1e-6, 1e6), log_uniform(rng, 0.1, 100)]))
            p = dyadic(rng.uniform(0.001, 0.999))
            mean, deviation = r * p / (1 - p), math.sqrt(r * p) / (1 - p)
            yield r, p, float(max(0, round(mean + deviation * rng.uniform(-12, 20))))


class Categorical(Discrete):
    name = "Categorical"
    parameters = ("logits",)
    vectors = {"logits": 4}

    def log_prob(self, *inputs):
        *logits, x = inputs
        return logits[int(float(x))] - sum(l.exp() for l in logits).log()

    def cdf(self, *inputs):
        *logits, x = inputs
        return sum(l.exp() for l in logits[:int(float(x)) + 1]) / sum(l.exp() for l in logits)

    def sf(self, *inputs):
        *logits, x = inputs
        return sum((l.exp() for l in logits[int(float(x)) + 1:]), arb(0)) / sum(l.exp() for l in logits)

    def quantiles_for(self, *parameters):
        return False

    def points(self, rng):
        for i in range(RANDOM_POINTS):
            spread = (1, 10, 300)[i % 3]
            yield *(short(rng.gauss(0, spread)) for _ in range(4)), float(rng.randrange(4))


class Dirichlet(Family):
    name = "Dirichlet"
    parameters = ("concentration",)
    vectors = {"concentration": 3, "value": 3}
    tails = False
    d_value = False

    def log_prob(self, *inputs):
        a, x = inputs[:3], inputs[3:]
        terms = [(c - 1) * v.log() - c.lgamma() for c, v in zip(a, x)]
        return sum(terms) + sum(a).lgamma()

    def points(self, rng):
        for i in range(RANDOM_POINTS):
            a = [short(log_uniform(rng, *((0.1, 50), (1e-6, 1e6), (1e3, 1e6))[i % 3])) for _ in range(3)]
            weights = [c * math.exp(rng.gauss(0, 3 / math.sqrt(c) if c > 1 else 3)) for c in a]
            # Multiples of 2^-40 add up to 1 without rounding.
            x = [max(1, round(w / sum(weights) * 2**40)) for w in weights[:2]]
            x.append(2**40 - sum(x))
            if x[2] > 0:
                yield *a, *(v / 2**40 for v in x)


class MultivariateNormalTriL(Family):
    name = "MultivariateNormalTriL"
    parameters = ("loc", "scale_tril")
    vectors = {"loc": 3, "scale_tril": 9, "value": 3}
    constants = ("loc",)
    tails = False

    def sizes(self, *inputs):
        loc, rest = inputs[:3], inputs[3:]
        return [arb(0)] * 3 + [abs(l) for l in rest[:9]] + [abs(x - l) for x, l in zip(rest[9:], loc)]

    def log_prob(self, *inputs):
        loc, scale, x = inputs[:3], inputs[3:12], inputs[12:]
        z = []
        for i in range(3):
            rest = x[i] - loc[i] - sum((scale[3 * i + j] * z[j] for j in range(i)), arb(0))
            z.append(rest / scale[4 * i])
        return -sum(v * v for v in z) / 2 - 3 * ln_two_pi() / 2 - sum(scale[4 * i].log() for i in range(3))

    def points(self, rng):
        for _ in range(RANDOM_POINTS):
            size = log_uniform(rng, 1e-6, 1e6)
            diagonal = [short(size * log_uniform(rng, 0.01, 100)) for _ in range(3)]
            scale = [[short(diagonal[i] * rng.uniform(-2, 2)) if j < i else diagonal[i] if i == j else 0.0
                      for j in range(3)] for i in range(3)]
            loc = [short(size * rng.gauss(0, 10)) for _ in range(3)]
            z = [rng.choice([-1, 1]) * log_uniform(rng, 1e-3, 40) for _ in range(3)]
            x = [loc[i] + sum(scale[i][j] * z[j] for j in range(i + 1)) for i in range(3)]
            yield *loc, *(entry for row in scale for entry in row), *x


FAMILIES = [
    Normal, LogNormal, LogitNormal, Laplace, Uniform, StudentT, Cauchy, HalfNormal, HalfCauchy, HalfStudentT, Logistic,
    Gumbel, Exponential, Gamma, InverseGamma, Chi2, Weibull, Beta, Kumaraswamy, VonMises, TruncatedNormal, Horseshoe,
    Bernoulli, Binomial, Poisson, Geometric, NegativeBinomial, Dirichlet, MultivariateNormalTriL, Categorical,
]

PROBABILITIES = [
    1e-300, 1e-100, 1e-30, 1e-15, 1e-8, 1e-4, 0.01, 0.1, 0.25, 0.499, 0.5, 0.75, 0.9, 0.99, 0.9999, 1 - 1e-8, 1 - 1e-12,
    1 - 2.0**-50,
]


# -- the table -----------------------------------------------------------------------------------------------

def condition(sizes, slopes):
    return sum((s * abs(d) for s, d in zip(sizes, slopes)), arb(0))


def rows(family, rng):
    """Per point a dictionary of columns."""
    vectors = getattr(family, "vectors", {})
    spans, start = {}, 0
    for name in (*family.parameters, "value"):
        spans[name] = range(start, start + vectors.get(name, 1))
        start += vectors.get(name, 1)
    wanted = RANDOM_POINTS + 30
    for index, point in enumerate(family.points(rng)):
        if index >= wanted:
            break
        if not all(math.isfinite(x) for x in point):
            continue
        yield row(family, spans, point, rng.choice(PROBABILITIES))


def row(family, spans, point, p):
    inputs = [arb(x) for x in point]
    sizes = family.sizes(*inputs)
    cells = {name: [point[i] for i in span] for name, span in spans.items()}
    everything = range(len(inputs))

    def put(name, values, conditions):
        cells[name] = [float(v) for v in values]
        cells["~" + name] = [float(c) for c in conditions]

    first = lambda i: (lambda *at: slope(family.log_prob, at, i))
    moving = [i for i in everything if not (family.discrete and i in spans["value"])]
    slopes = {i: exact(lambda: first(i)(*inputs), 60) if sizes[i] != 0 else arb(0) for i in moving}
    put("log_prob", [exact(lambda: family.log_prob(*inputs))], [condition([sizes[i] for i in moving], slopes.values())])
    for name, span in spans.items():
        if name in family.constants or (name == "value" and not family.d_value):
            continue
        values, conditions = [], []
        for i in span:
            value = exact(lambda: first(i)(*inputs), 120)
            if abs(value) < 1e-40 and is_truncation(value, family.log_prob, inputs, i):
                value = arb(0)
            seconds = [exact(lambda: slope(first(i), inputs, j), 30) if sizes[j] != 0 else arb(0) for j in moving]
            values.append(value)
            conditions.append(condition([sizes[j] for j in moving], seconds))
        put("d_" + name, values, conditions)
    if family.tails:
        tails(family, inputs, sizes, moving, spans, put)
    if family.tails and family.quantiles_for(*inputs[:-1]):
        quantile(family, inputs[:-1], p, cells, put)
    return cells


def tails(family, inputs, sizes, moving, spans, put):
    below, above = (exact(lambda: f(*inputs)) for f in (family.cdf, family.sf))
    smaller = family.cdf if below < above else family.sf
    slopes = [exact(lambda: slope(smaller, inputs, i), 30) if sizes[i] != 0 else arb(0) for i in moving]
    moves = condition([sizes[i] for i in moving], slopes)
    put("cdf", [below], [moves])
    put("survival", [above], [moves])
    if below > 0 and above > 0:
        log_below, log_above = (
            exact(lambda: small(*inputs).log() if take else (-large(*inputs)).log1p())
            for small, large, take in ((family.cdf, family.sf, below < 0.5), (family.sf, family.cdf, above < 0.5))
        )
        put("log_cdf", [log_below], [moves / below])
        put("log_survival", [log_above], [moves / above])
        for name, small, large, small_is_exact in (
            ("log_cdf", family.cdf, family.sf, below < 0.5),
            ("log_survival", family.sf, family.cdf, above < 0.5),
        ):
            logarithm = (lambda *at: small(*at).log()) if small_is_exact else (lambda *at: (-large(*at)).log1p())
            tail_slopes(family, name, logarithm, inputs, sizes, moving, spans, put)


def tail_slopes(family, name, logarithm, inputs, sizes, moving, spans, put):
    """Those of the logarithm of a probability, in every parameter and in a value that is no count."""
    first = lambda i: (lambda *at: slope(logarithm, at, i, TAIL_STEP))
    second = {}
    for of, span in spans.items():
        if of in family.constants or (of == "value" and not family.d_value):
            continue
        conditions = []
        for i in span:
            for j in moving:
                if (i, j) not in second:
                    value = exact(lambda: slope(first(i), inputs, j, TAIL_STEP), 30) if sizes[j] != 0 else arb(0)
                    second[i, j] = value
                    if sizes[i] != 0:
                        second[j, i] = value
            conditions.append(condition([sizes[j] for j in moving], [second[i, j] for j in moving]))
        values = [exact(lambda: first(i)(*inputs)) for i in span]
        put(f"d_{name}/{of}", values, conditions)


def quantile(family, parameters, p, cells, put):
    ctx.prec = 300
    p = arb(p)
    x = family.quantile(p, *parameters)
    if x is None or not x.is_finite():
        return
    if family.discrete:
        put("quantile", [x], [arb(0)])
    else:
        ctx.prec = 700
        density = family.log_prob(*parameters, x.mid()).exp()
        tail = family.cdf if p <= 0.5 else family.sf
        inputs = [*parameters, x.mid()]
        slopes = [exact(lambda: slope(tail, inputs, i), 20) for i in range(len(parameters))]
        put("quantile", [x], [(min(p, 1 - p) + condition([abs(t) for t in parameters], slopes)) / density])
    cells["p"] = [float(p)]


def text(values, name):
    return " ".join(f"{v:.1e}" if name.startswith("~") else repr(v) for v in values)


def main(names):
    for kind in FAMILIES:
        if names and kind.name not in names:
            continue
        family = kind()
        table = list(rows(family, random.Random(f"{SEED} {family.name}")))
        columns = [*family.parameters, "value", "p"]
        for cells in table:
            columns += [name for name in cells if name not in columns]
        if not any("p" in cells for cells in table):
            columns.remove("p")
        with open(os.path.join(HERE, f"{family.name}.csv"), "w", newline="") as file:
            file.write(f"# reference.py, seed {SEED}\n")
            out = csv.writer(file, lineterminator="\n")
            out.writerow(columns)
            for cells in table:
                out.writerow([text(cells.get(name, []), name) for name in columns])
        print(family.name, len(table), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
