//! `kl.json`: closed-form divergences, their gradients, and which pairs have one.

use std::sync::Arc;

use tfn::distributions::{
    Bernoulli, Beta, Categorical, Cauchy, Deterministic, Dirichlet, Distribution,
    DistributionError, Exponential, Gamma, HalfCauchy, HalfNormal, Horseshoe, Independent,
    InverseGamma, JointDistributionSequential, Laplace, LogNormal, MixtureSameFamily,
    MultivariateNormalDiag, MultivariateNormalTriL, Normal, OneHotCategorical, Poisson, Sample,
    StudentT, TruncatedNormal, Uniform, VonMises, kl_divergence,
};
use tfn::tensor::{Gradients, Tensor};

use crate::compare::Tolerance;
use crate::families::{self, Parameters};
use crate::json::{Gold, Node, Outcome};
use crate::report::Report;

pub(crate) fn check(root: Node<'_>, report: &mut Report) -> Outcome {
    root.key("meta")?.informational("versions and seed of the recording");
    for node in root.key("records")?.items()? {
        let (q, p) = (Side::read(&node.key("q")?)?, Side::read(&node.key("p")?)?);
        report.record(&node, node.key("name")?.text()?, |report| pair(&node, &q, &p, report));
    }
    for node in root.key("joint")?.items()? {
        report.record(&node, node.key("name")?.text()?, |report| joint(&node, report));
    }
    pairs(&root, report)?;
    for node in root.key("special")?.items()? {
        let name = node.key("pair")?.text()?;
        report.record(&node, name, |report| special(&node, name, report));
    }
    Ok(())
}

/// One of the two distributions of a record.
struct Side {
    family: String,
    recorded: std::collections::BTreeMap<String, Gold>,
    parameters: Parameters,
    distribution: Option<Arc<dyn Distribution>>,
}

impl Side {
    fn read(node: &Node<'_>) -> Outcome<Self> {
        let family = node.key("distribution")?.text()?.to_owned();
        let recorded = node.key("params")?.tensors()?;
        let parameters = Parameters::new(&recorded)?;
        let distribution = families::build(&family, &parameters, &node.key("static")?)?;
        Ok(Self { family, recorded, parameters, distribution })
    }

    fn distribution(&self) -> Outcome<&Arc<dyn Distribution>> {
        self.distribution.as_ref().ok_or_else(|| format!("unknown family {}", self.family).into())
    }

    fn gradients(
        &self,
        which: &str,
        gradients: &Gradients,
        node: &Node<'_>,
        report: &mut Report,
    ) -> Outcome {
        for (name, of) in &self.recorded {
            // Not connected is a gradient of zero.
            let want = node
                .key(name)?
                .tensor_or_null()?
                .unwrap_or_else(|| Gold::zeros(&of.shape, of.kind));
            let got = gradients.of(self.parameters.get(name)?);
            report.compare(&format!("{which}/{name}"), &got, &want, Tolerance::tensor(1e-10));
        }
        Ok(())
    }
}

fn pair(node: &Node<'_>, q: &Side, p: &Side, report: &mut Report) -> Outcome {
    let got = kl_divergence(q.distribution()?.as_ref(), p.distribution()?.as_ref())?;
    let want = node.key("kl")?.tensor()?;
    report.compare("kl", &got, &want, Tolerance::entry(1e-10));
    let note = node.optional("note");
    if let Some(note) = &note {
        note.informational("where TFP's result is not a good one, ours is listed as better");
    }
    let (of_q, of_p) = (node.key("grad_q")?, node.key("grad_p")?);
    if note.is_some() && want.data.iter().any(|kl| kl.is_infinite()) {
        // An infinite divergence has no gradient; what TFP records is what its formulas leave.
        of_q.informational("of an infinite divergence");
        of_p.informational("of an infinite divergence");
    } else {
        let gradients = got.sum().gradients()?;
        q.gradients("grad_q", &gradients, &of_q, report)?;
        p.gradients("grad_p", &gradients, &of_p, report)?;
    }
    let finite = node.key("all_finite")?.flag()?;
    report.holds(!finite || got.all_finite()?, || "not finite".into());
    Ok(())
}

fn joint(node: &Node<'_>, report: &mut Report) -> Outcome {
    let read =
        |key: &str| node.key(key)?.items()?.iter().map(Side::read).collect::<Outcome<Vec<_>>>();
    let (q, p) = (read("q")?, read("p")?);
    let parts = |sides: &[Side]| -> Outcome<JointDistributionSequential> {
        let parts =
            sides.iter().map(|side| side.distribution().cloned()).collect::<Outcome<Vec<_>>>()?;
        Ok(JointDistributionSequential::new(parts)?)
    };
    let got = kl_divergence(&parts(&q)?, &parts(&p)?)?;
    report.compare("kl", &got, &node.key("kl")?.tensor()?, Tolerance::entry(1e-10));
    let gradients = got.gradients()?;
    for (key, sides) in [("grad_q", &q), ("grad_p", &p)] {
        let recorded = node.key(key)?.items()?;
        report.same("parts", sides.len(), recorded.len());
        for (side, node) in sides.iter().zip(&recorded) {
            side.gradients(key, &gradients, node, report)?;
        }
    }
    Ok(())
}

/// All ordered pairs of families: what TFP has ours must have; what it lacks ours has or says no to.
fn pairs(root: &Node<'_>, report: &mut Report) -> Outcome {
    for (section, must) in
        [("supported_pairs", true), ("not_implemented_pairs", false), ("other_error_pairs", false)]
    {
        for node in root.key(section)?.items()? {
            let items = node.items()?;
            let (q, p) = (items[0].text()?, items[1].text()?);
            items
                .iter()
                .skip(2)
                .for_each(|error| error.informational("the exception that TFP raises"));
            report.record(&node, &format!("{q}||{p}"), |report| {
                let unknown = || "unknown family";
                let (q, p) = (instance(q)?.ok_or_else(unknown)?, instance(p)?.ok_or_else(unknown)?);
                let answer = kl_divergence(q.as_ref(), p.as_ref());
                let fine = match &answer {
                    Ok(divergence) => divergence.check().is_ok(),
                    Err(error) => !must && says_no(error),
                };
                report.holds(fine, || format!("{section}: {answer:?}"));
                Ok(())
            });
        }
    }
    Ok(())
}

/// Whether this is the error that names a pair without a rule, or one whose events differ.
fn says_no(error: &DistributionError) -> bool {
    matches!(error, DistributionError::NoKlRule { .. } | DistributionError::KlEventShapes { .. })
}

fn vector(values: [f64; 3]) -> Tensor {
    Tensor::from_slice(&values, &[3])
}

fn normals(count: usize) -> Outcome<Normal> {
    Ok(Normal::new(Tensor::full(&[count], 0.3, tfn::DType::F64), 0.8)?)
}

fn mixture() -> Outcome<MixtureSameFamily> {
    let components = Normal::new(vector([-1.0, 0.0, 1.0]), vector([0.5, 1.0, 2000.0]))?;
    Ok(MixtureSameFamily::new(Categorical::from_logits(vector([0.1, 0.2, -0.3]))?, components)?)
}

/// One instance of a family whose events are numbers or vectors of three; `None` if there is no such family.
fn instance(family: &str) -> Outcome<Option<Arc<dyn Distribution>>> {
    let logits = vector([0.4, -0.2, 0.9]);
    Ok(Some(match family {
        "Normal" => Arc::new(normals(3)?),
        "Laplace" => Arc::new(Laplace::new(vector([-1.0, 0.0, 1.0]), 0.7)?),
        "Cauchy" => Arc::new(Cauchy::new(vector([-1.0, 0.0, 1.0]), 0.7)?),
        "HalfCauchy" => Arc::new(HalfCauchy::new(vector([-1.0, 0.0, 1.0]), 0.7)?),
        "HalfNormal" => Arc::new(HalfNormal::new(vector([0.5, 0.7, 1.0]))?),
        "Horseshoe" => Arc::new(Horseshoe::new(vector([0.5, 0.7, 1.0]))?),
        "LogNormal" => Arc::new(LogNormal::new(vector([-1.0, 0.0, 1.0]), 0.7)?),
        "TruncatedNormal" => Arc::new(TruncatedNormal::new(vector([0.0; 3]), 0.7, -1.0, 2.0)?),
        "StudentT" => Arc::new(StudentT::new(vector([0.5, 3.0, 1e3]), 0.0, 0.7)?),
        "VonMises" => Arc::new(VonMises::new(vector([-1.0, 0.0, 1.0]), 0.7)?),
        "Beta" => Arc::new(Beta::new(vector([0.5, 1.0, 3.0]), 0.7)?),
        "Dirichlet" => Arc::new(Dirichlet::new(vector([0.5, 1.0, 3.0]))?),
        "Exponential" => Arc::new(Exponential::new(vector([0.5, 0.7, 1.0]))?),
        "Gamma" => Arc::new(Gamma::new(vector([0.5, 1.0, 3.0]), 0.7)?),
        "Poisson" => Arc::new(Poisson::new(vector([0.5, 1.0, 3.0]))?),
        "InverseGamma" => Arc::new(InverseGamma::new(vector([0.5, 1.0, 3.0]), 0.7)?),
        "Uniform" => Arc::new(Uniform::new(vector([-1.0; 3]), 2.0)?),
        "Bernoulli" => Arc::new(Bernoulli::from_logits(logits)?),
        "Categorical" => Arc::new(Categorical::from_logits(logits)?),
        "OneHotCategorical" => Arc::new(OneHotCategorical::from_logits(logits)?),
        // A value that each family can take.
        "Deterministic" => Arc::new(Deterministic::new(vector([0.0, 1.0, 0.0]))?),
        "MixtureSameFamily" => Arc::new(mixture()?),
        "MultivariateNormalDiag" => {
            Arc::new(MultivariateNormalDiag::new(vector([0.1, 0.2, 0.3]), vector([1.0; 3]))?)
        }
        "MultivariateNormalTriL" => {
            let scale =
                Tensor::from_slice(&[1.0, 0.0, 0.0, 0.2, 0.9, 0.0, -0.3, 0.1, 1.1], &[3, 3]);
            Arc::new(MultivariateNormalTriL::new(vector([0.1, 0.2, 0.3]), scale)?)
        }
        "Independent" => Arc::new(Independent::new(normals(3)?, 1)?),
        "Sample" => Arc::new(Sample::new(Normal::new(0.1, 0.9)?, &[3])?),
        _ => return Ok(None),
    }))
}

/// What ours does with a pair that matters for the layers.
enum Expected {
    Answers,
    NoRule,
    Events,
    Parts,
}

fn special(node: &Node<'_>, name: &str, report: &mut Report) -> Outcome {
    let standard = |shape: &[usize]| Sample::new(Normal::new(0.0, 1.0)?, shape);
    let part = || Ok::<Arc<dyn Distribution>, DistributionError>(Arc::new(Normal::new(0.0, 1.0)?));
    let joint = |parts: usize| {
        JointDistributionSequential::new((0..parts).map(|_| part()).collect::<Result<Vec<_>, _>>()?)
    };
    let grid = || -> Outcome<Independent> {
        Ok(Independent::new(Normal::new(Tensor::full(&[3, 2], 0.3, tfn::DType::F64), 0.8)?, 2)?)
    };
    let (got, expected) = match name {
        "Independent(Normal,[3,2])||Sample(spike_and_slab,[3,2])" => {
            (kl_divergence(&grid()?, &Sample::new(mixture()?, &[3, 2])?), Expected::NoRule)
        }
        // Views of one kind of distribution: ours answers.
        "Independent(Normal,[3,2])||Sample(Normal,[3,2])" => {
            (kl_divergence(&grid()?, &standard(&[3, 2])?), Expected::Answers)
        }
        "Independent(Normal,[3],1)||MultivariateNormalDiag(3)" => {
            let diagonal = MultivariateNormalDiag::new(vector([0.1, 0.2, 0.3]), vector([1.0; 3]))?;
            (kl_divergence(&Independent::new(normals(3)?, 1)?, &diagonal), Expected::Answers)
        }
        "Sample(Normal,[3])||Sample(Normal,[4])" => {
            (kl_divergence(&standard(&[3])?, &standard(&[4])?), Expected::Events)
        }
        "Independent(Normal,[3])||Independent(Normal,[4])" => {
            let [three, four] =
                [Independent::new(normals(3)?, 1)?, Independent::new(normals(4)?, 1)?];
            (kl_divergence(&three, &four), Expected::Events)
        }
        "JDS(1 part)||JDS(2 parts)" => (kl_divergence(&joint(1)?, &joint(2)?), Expected::Parts),
        "Normal||Normal" => (kl_divergence(&normals(3)?, &normals(3)?), Expected::Answers),
        _ => return Err("unknown pair".into()),
    };
    let as_expected = matches!(
        (&got, expected),
        (Ok(_), Expected::Answers)
            | (Err(DistributionError::NoKlRule { .. }), Expected::NoRule)
            | (Err(DistributionError::KlEventShapes { .. }), Expected::Events)
            | (Err(DistributionError::KlParts { .. }), Expected::Parts)
    );
    report.holds(as_expected, || format!("{got:?}"));
    // What TFP answers ours must answer.
    let error = node.key("error")?.text_or_null()?;
    report.holds(error.is_some() || got.is_ok(), || format!("TFP answers, ours: {got:?}"));
    node.key("message")?.informational("the message of TFP's exception");
    Ok(())
}
