//! `distributions.json`: densities, statistics and gradients of every family.

use std::collections::BTreeMap;

use tfn::distributions::{Distribution, DistributionError};
use tfn::tensor::{Gradients, Tensor, Variable};

use crate::compare::Tolerance;
use crate::families::{self, Parameters};
use crate::json::{Gold, Kind, Node, Outcome};
use crate::report::Report;

pub(crate) fn check(root: Node<'_>, report: &mut Report) -> Outcome {
    root.key("meta")?.informational("versions and seed of the recording");
    for node in root.key("records")?.items()? {
        let (name, family) = (node.key("name")?.text()?, node.key("distribution")?.text()?);
        let parameters = node.key("params")?.tensors()?;
        let variables = Parameters::new(&parameters)?;
        match families::build(family, &variables, &node.key("static")?) {
            Ok(None) => {
                report.record(&node, name, |_| Err(format!("unknown family {family}").into()))
            }
            Err(error) => report.record(&node, name, |_| Err(error)),
            Ok(Some(distribution)) => report.record(&node, name, |report| {
                Record::read(&node, family, parameters, variables)?.check(
                    &*distribution,
                    &node,
                    report,
                )
            }),
        }
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Interior,
    Tail,
    Edge,
}

struct Record<'r> {
    family: &'r str,
    case: Case,
    parameters: BTreeMap<String, Gold>,
    variables: Parameters,
    value: Gold,
    log_prob: Gold,
}

impl<'r> Record<'r> {
    fn read(
        node: &Node<'r>,
        family: &'r str,
        parameters: BTreeMap<String, Gold>,
        variables: Parameters,
    ) -> Outcome<Self> {
        let case = match node.key("case")?.text()? {
            "interior" => Case::Interior,
            "tail" => Case::Tail,
            "edge" => Case::Edge,
            other => return Err(format!("unknown case `{other}`").into()),
        };
        let (value, log_prob) = (node.key("value")?.tensor()?, node.key("log_prob")?.tensor()?);
        Ok(Self { family, case, parameters, variables, value, log_prob })
    }

    fn check(
        &self,
        distribution: &dyn Distribution,
        node: &Node<'_>,
        report: &mut Report,
    ) -> Outcome {
        report.same("batch_shape", distribution.batch_shape()?, node.key("batch_shape")?.sizes()?);
        report.same("event_shape", distribution.event_shape()?, node.key("event_shape")?.sizes()?);
        let value = self.value.to_variable("value")?;
        let log_prob = distribution.log_prob(&value.tensor())?;
        // Where the exact density is recorded, TFP's own is not the measure.
        let exact = node.optional("exact");
        let source = exact.as_ref().unwrap_or(node);
        if exact.is_some() {
            node.key("grad_value")?.informational("the exact one is compared");
            node.key("grad_params")?.informational("the exact one is compared");
            node.key("tfp_inexact")?.informational("where TFP is off from the exact one");
        }
        let tolerance = if self.case == Case::Tail {
            Tolerance::entry(1e-9).relative()
        } else {
            Tolerance::entry(1e-11)
        };
        report.compare("log_prob", &log_prob, &source.key("log_prob")?.tensor()?, tolerance);
        self.gradients(&log_prob, &value, source, report)?;
        self.statistics(distribution, node, report)?;
        let finite = node.key("all_finite")?.flag()?;
        report.holds(!finite || log_prob.all_finite()?, || "log_prob is not finite".into());
        Ok(())
    }

    fn gradients(
        &self,
        log_prob: &Tensor,
        value: &Variable,
        source: &Node<'_>,
        report: &mut Report,
    ) -> Outcome {
        let gradients = log_prob.sum().gradients()?;
        // Of a whole number there is no gradient; of anything else no gradient recorded is one of zero.
        match source.optional("grad_value") {
            Some(node) if self.value.kind == Kind::Int => {
                report.holds(node.is_null(), || "grad_value of a whole number".into());
            }
            Some(node) => {
                self.gradient("grad_value", &gradients, value, &self.value, &node, report)?
            }
            None => report.holds(self.value.kind == Kind::Int, || "no grad_value".into()),
        }
        let recorded = source.key("grad_params")?;
        for (name, parameter) in &self.parameters {
            let variable = self.variables.get(name)?;
            self.gradient(name, &gradients, variable, parameter, &recorded.key(name)?, report)?;
        }
        Ok(())
    }

    fn gradient(
        &self,
        name: &str,
        gradients: &Gradients,
        variable: &Variable,
        of: &Gold,
        recorded: &Node<'_>,
        report: &mut Report,
    ) -> Outcome {
        let zeros = || Gold::zeros(&of.shape, of.kind);
        let want = recorded.tensor_or_null()?.unwrap_or_else(zeros);
        // In tail and edge records of scalar families each entry belongs to one value.
        let aligned = self.case != Case::Interior && of.shape == self.value.shape;
        let tolerance = if aligned { Tolerance::entry(1e-9) } else { Tolerance::tensor(1e-9) };
        let tolerance = if self.case == Case::Tail { tolerance.relative() } else { tolerance };
        // At an edge where the density is infinite there is no gradient.
        let per_value = want.data.len() / self.log_prob.data.len().max(1);
        let counts = |i: usize| {
            self.case != Case::Edge
                || per_value == 0
                || self.log_prob.data[i / per_value].is_finite()
        };
        let extra = |i| {
            if aligned { self.cancellation(name, i) } else { 0.0 }
        };
        report.compare_where(
            &format!("gradient of {name}"),
            &gradients.of(variable),
            &want,
            tolerance,
            counts,
            extra,
        );
        Ok(())
    }

    /// `(z² − 1)/scale`, `concentration/rate − x` and the like cancel near 0: 1e-15 of their terms may be lost.
    fn cancellation(&self, name: &str, index: usize) -> f64 {
        match (self.case, self.family, name) {
            (
                Case::Tail,
                "Normal" | "Laplace" | "Cauchy" | "HalfCauchy" | "HalfNormal" | "StudentT",
                "scale",
            ) => 1e-15 / self.parameters["scale"].data[index],
            (Case::Tail, "Exponential", "rate") => 1e-15 / self.parameters["rate"].data[index],
            (Case::Tail, "Gamma", "rate") | (Case::Tail, "InverseGamma", "scale") => {
                let concentration = self.parameters["concentration"].data[index];
                1e-15 * concentration / self.parameters[name].data[index]
            }
            // (count − rate)/rate
            (Case::Tail, "Poisson", "rate") => 1e-15,
            _ => 0.0,
        }
    }

    /// Statistics have no exact values beside TFP's, which loses digits in the tails.
    fn statistics(
        &self,
        distribution: &dyn Distribution,
        node: &Node<'_>,
        report: &mut Report,
    ) -> Outcome {
        let unavailable: Vec<String> = node
            .key("unavailable")?
            .entries()?
            .into_iter()
            .map(|(name, reason)| {
                reason.informational("the exception that TFP raises");
                name
            })
            .collect();
        let value = self.value.to_tensor();
        let number = if self.case == Case::Tail { 1e-9 } else { 1e-11 };
        let tolerance = Tolerance::entry(number).with_atol(1e-11);
        for (name, got) in [
            ("mean", distribution.mean()),
            ("variance", distribution.variance()),
            ("stddev", distribution.stddev()),
            ("mode", distribution.mode()),
            ("entropy", distribution.entropy()),
            ("cdf", distribution.cdf(&value)),
        ] {
            match node.key(name)?.tensor_or_null()? {
                Some(mut want) => {
                    // Those of the Horseshoe are 0 and NaN, in f32 whatever the type of its parameters.
                    want.kind = self.log_prob.kind;
                    report.compare(name, &got?, &want, tolerance);
                }
                None => {
                    report.holds(unavailable.iter().any(|u| u == name), || {
                        format!("no {name}, and no reason")
                    });
                    let answers_or_says_no = match got {
                        Ok(answer) => answer.check().is_ok(),
                        Err(error) => matches!(error, DistributionError::Unsupported { .. }),
                    };
                    report.holds(answers_or_says_no, || {
                        format!("{name} neither answers nor says no")
                    });
                }
            }
        }
        Ok(())
    }
}
