//! The page and the order of its sections.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::error::Result;
use crate::judged::Judged;

use super::given::{Given, Shown};
use super::{doubtful, effects, figures, pictures, style, text, training, verdict};

/// A part of the page with a heading.
struct Section {
    id: &'static str,
    title: &'static str,
    body: Markup,
}

/// The whole page.
pub(super) fn html(given: &Given<'_>) -> Result<String> {
    let sections = sections(given)?;
    let target = text::name(&given.record.target);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Model of " (target) }
                style { (PreEscaped(style::CSS)) }
            }
            body {
                main {
                    header {
                        p.kind { "Bayesian net, " (given.record.task) }
                        h1 { "Model of " (target) }
                        (verdict::verdict(given))
                    }
                    nav aria-label="Contents" {
                        ol { @for section in &sections {
                            li { a href={ "#" (section.id) } { (section.title) } }
                        } }
                    }
                    @for section in &sections {
                        section aria-labelledby=(section.id) {
                            h2 id=(section.id) { (section.title) }
                            (section.body)
                        }
                    }
                }
            }
        }
    };
    Ok(page.into_string())
}

fn sections(given: &Given<'_>) -> Result<Vec<Section>> {
    let shown = given.shown();
    let section = |id, title, body| Section { id, title, body };
    let mut all = vec![
        section("training", "What was trained", training::training(given.record)),
        section("figures", "Figures of merit", figures::figures(given)),
        section("curves", "Course of training", pictures::curves(given.record)),
        match shown.judged {
            Judged::Numbers(rows) => section(
                "predicted",
                "Predicted against actual",
                of(&shown, pictures::actual(rows, shown.level)),
            ),
            Judged::Classes(rows) => section(
                "predicted",
                "Which classes are taken for which",
                of(&shown, pictures::confusion(rows)),
            ),
        },
        section("calibration", "Calibration", of(&shown, calibration(&shown))),
        section(
            "declined",
            "If doubtful rows are declined",
            of(&shown, pictures::declined(shown.judged)?),
        ),
        section("doubtful", "The most doubtful rows", of(&shown, doubtful::doubtful(&shown))),
    ];
    if let Some(found) = given.effects {
        all.push(section(
            "effects",
            "What the columns do",
            effects::effects(found, &given.record.target),
        ));
    }
    if let Some(tested) = &given.tested {
        all.push(section("range", "Rows unlike those of training", doubtful::out_of_range(tested)));
    }
    Ok(all)
}

/// Says which rows something is about.
fn of(shown: &Shown<'_>, body: Markup) -> Markup {
    let rows = shown.judged.len();
    html! {
        p.source {
            @match shown.file {
                Some(file) => { "Of " (text::count(rows, "row")) " of " (text::name(file)) "." }
                None => { "Of " (text::count(rows, "held-out row")) "." }
            }
        }
        (body)
    }
}

fn calibration(shown: &Shown<'_>) -> Markup {
    html! {
        div.panels {
            @match shown.judged {
                Judged::Numbers(rows) => {
                    (pictures::coverage(&rows.pit))
                    (pictures::pit(&rows.pit))
                }
                Judged::Classes(rows) => {
                    (pictures::reliability(rows))
                    (pictures::confidence(rows))
                }
            }
        }
    }
}
