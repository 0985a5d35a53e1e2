//! Pages about made-up records: what is on them, and that no record breaks one.
#![cfg(feature = "report")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod made;

use made::well_formed::check;
use made::{Numbers, classes, effects, numbers, out_of_range, record, species};
use tfn_tabular::data::Table;
use tfn_tabular::report::{Report, Tested};
use tfn_tabular::{
    Asked, Curve, Effects, Judged, JudgedClasses, JudgedNumbers, Record, Setup, TabularPredictor,
};

fn page(record: &Record) -> String {
    let page = Report::new(record).html().unwrap();
    check(&page);
    page
}

/// With the rows as those of a test, too.
fn both(record: &Record) -> String {
    let out_of_range = out_of_range(record.held_out.len());
    let tested = Tested {
        name: "test.csv".to_owned(),
        rows: record.held_out.len(),
        level: 0.9,
        judged: &record.held_out,
        figures: &record.figures,
        out_of_range: &out_of_range,
    };
    let tested = Report::new(record).tested(tested).effects(&Effects::default()).html().unwrap();
    check(&tested);
    page(record)
}

fn without_figures(target: &str, held_out: Judged) -> Record {
    let one = match &held_out {
        Judged::Numbers(_) => Judged::Numbers(numbers(1, 1.0, 1)),
        Judged::Classes(_) => Judged::Classes(classes(1, &species(), 1)),
    };
    Record { held_out, figures: Vec::new(), ..record(target, one) }
}

#[test]
fn all_sections_of_numbers() {
    let page = made::page_of_numbers();
    check(&page);
    for part in [
        "Model of price",
        "What was trained",
        "Figures of merit",
        "Beside simpler means",
        "Course of training",
        "Predicted against actual",
        "Calibration",
        "Where the truth lies",
        "If doubtful rows are declined",
        "The most doubtful rows",
        "What the columns do",
        "Rows unlike those of training",
        "prices-2024.csv",
        "linear regression",
        "has seen little like it",
        "outside the training range: ",
        "one hidden layer of 50 units",
        "are too narrow",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<svg").count(), page.matches("role=\"img\" aria-label=").count());
    assert_eq!(page.matches("<svg").count(), page.matches("The numbers").count());
    assert_eq!(page.matches("<svg").count(), 10);
    assert_eq!(page, made::page_of_numbers());
}

#[test]
fn all_sections_of_classes() {
    let page = made::page_of_classes();
    check(&page);
    for part in ["Confusion matrix", "Reliability diagram", "chinstrap", "of its answers are right"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("Beware") && !page.contains("Rows unlike"));
}

#[test]
fn warnings_come_when_they_must() {
    let sound = record("y", Judged::Numbers(numbers(1500, 1.0, 3)));
    assert!(!page(&sound).contains("Beware"));
    let mut beaten = sound.clone();
    beaten.baselines[1].score = 0.5;
    assert!(page(&beaten).contains("no better than linear regression"));
    let narrow = record("y", Judged::Numbers(numbers(1500, 0.5, 3)));
    assert!(page(&narrow).contains("too narrow"));
    let wide = record("y", Judged::Numbers(numbers(1500, 2.0, 3)));
    assert!(page(&wide).contains("wider than they need to be"));
    // Ten of ten at 90 % is nothing to wonder at, though no resample shows less.
    let few = record("y", Judged::Numbers(numbers(10, 2.0, 3)));
    assert_eq!(few.figure("coverage"), Some(1.0));
    assert!(!page(&few).contains("wider than"));
}

#[test]
fn names_are_escaped() {
    let evil = "<script>alert(1)</script>&\"'\u{1}]]>";
    let names = vec![evil.to_owned(), "other".to_owned()];
    let mut record = record(evil, Judged::Classes(classes(50, &names, 1)));
    for column in &mut record.columns {
        column.name = evil.to_owned();
    }
    record.curves[0].name = evil.to_owned();
    record.remarks.push(evil.to_owned());
    record.task_reason = evil.to_owned();
    record.baselines[0].name = evil.to_owned();
    let mut effects = effects(&[evil]);
    effects.importance[0].column = evil.to_owned();
    effects.partial.push(made::by_level(evil, Some(evil), 1.0, &[evil, ""]));
    effects.partial.push(made::by_number(evil, Some(evil), 1.0));
    let out_of_range = vec![vec![evil.to_owned()]; 50];
    let tested = Tested {
        name: evil.to_owned(),
        rows: 50,
        level: 0.95,
        judged: &record.held_out,
        figures: &record.figures,
        out_of_range: &out_of_range,
    };
    let page = Report::new(&record).tested(tested).effects(&effects).html().unwrap();
    check(&page);
    let svg = page.split("<svg").skip(1).filter(|svg| svg.contains("&lt;script&gt;"));
    assert!(svg.count() > 2);
}

#[test]
fn odd_numbers_break_nothing() {
    let mut rows = numbers(300, 1.0, 3);
    rows.lower[0] = f64::NEG_INFINITY;
    rows.upper[0] = f64::INFINITY;
    rows.target[1] = f64::NAN;
    rows.mean[2] = f64::INFINITY;
    rows.pit[3] = f64::NAN;
    rows.stddev[4] = f64::NAN;
    rows.log_prob[5] = f64::NEG_INFINITY;
    rows.epistemic_share[6] = f64::NAN;
    rows.upper[7] = 1e300;
    rows.mean[8] = -1e308;
    rows.target[8] = 1e308;
    let mut record = without_figures("y", Judged::Numbers(rows));
    record.figures = record_figures(f64::NEG_INFINITY);
    record.baselines[0].score = f64::NAN;
    record.baselines[1].log_likelihood = f64::NEG_INFINITY;
    record.curves[0].nll[0] = f64::NAN;
    record.curves[0].nll[50] = f64::INFINITY;
    record.curves[1].kl = vec![f64::NAN; 200];
    let text = both(&record);
    assert!(text.contains("are left out") && text.contains("−∞"));
    assert!(text.contains("3 rows have numbers that are not finite"));
    assert!(text.contains("2 intervals reach beyond the picture"));

    let mut effects = effects(&[]);
    effects.importance[0].increase = f64::INFINITY;
    effects.importance[1].increase = f64::NAN;
    effects.partial[0].mean[3] = f64::NAN;
    effects.partial[0].high[4] = f64::INFINITY;
    effects.partial[1].mean.truncate(2);
    effects.partial[1].at.clear();
    effects.partial[2].at.clear();
    check(&Report::new(&record).effects(&effects).html().unwrap());
}

fn record_figures(value: f64) -> Vec<tfn_tabular::Figure> {
    let names = ["rmse", "log_likelihood", "coverage", "something new"];
    let figure = |name: &str| {
        let interval = Some([value, f64::NAN]);
        tfn_tabular::Figure { name: name.to_owned(), value, interval }
    };
    names.map(figure).to_vec()
}

#[test]
fn few_rows_break_nothing() {
    for rows in [1, 2, 9, 11] {
        both(&record("y", Judged::Numbers(numbers(rows, 1.0, 3))));
        both(&record("y", Judged::Classes(classes(rows, &species()[..2], 3))));
    }
    let none = without_figures("y", Judged::Numbers(JudgedNumbers::default()));
    assert!(both(&none).contains("There are no rows to draw"));
    both(&without_figures("y", Judged::Classes(JudgedClasses::default())));
    let two = JudgedClasses { classes: species()[..2].to_vec(), ..Default::default() };
    both(&without_figures("y", Judged::Classes(two)));
}

#[test]
fn a_bare_record_has_a_page() {
    let mut bare = without_figures("", Judged::Numbers(numbers(30, 1.0, 3)));
    bare.baselines.clear();
    bare.curves.clear();
    bare.columns.clear();
    bare.remarks.clear();
    bare.rows = 0;
    bare.setup.hidden.clear();
    bare.seconds = f64::NAN;
    let page = both(&bare);
    assert!(page.contains("No figures of the epochs were kept"));
    assert!(page.contains("No simpler means were tried"));
    bare.curves =
        vec![Curve::default(), Curve { epoch: vec![1], nll: vec![2.0], ..Default::default() }];
    both(&bare);
}

#[test]
fn constant_predictions_have_pictures() {
    let mut rows = numbers(200, 1.0, 3);
    for all in [&mut rows.target, &mut rows.mean, &mut rows.lower, &mut rows.upper] {
        all.fill(5.0);
    }
    rows.stddev.fill(0.0);
    rows.pit.fill(0.5);
    let mut constant = record("y", Judged::Numbers(rows));
    constant.curves[0].nll.fill(1.0);
    both(&constant);

    let mut rows = classes(200, &species(), 3);
    rows.predicted.fill(0);
    rows.label.fill(0);
    rows.probability.fill(1.0);
    rows.entropy.fill(0.0);
    both(&record("y", Judged::Classes(rows)));
}

#[test]
fn many_classes_and_columns_have_a_page() {
    let names: Vec<String> = (0..1000).map(|class| format!("class {class}")).collect();
    let mut record = record("y", Judged::Classes(classes(2000, &names, 3)));
    let column = record.columns[0].clone();
    record.columns = vec![column; 300];
    let page = both(&record);
    assert!(page.contains("The largest of ") && !page.contains("Confusion matrix"));
    assert!(page.contains("300 columns"));
    assert!(page.len() < 1_000_000, "{}", page.len());
}

#[test]
fn a_trained_predictor_has_a_page() {
    let mut random = Numbers::new(1);
    let rows: Vec<[String; 4]> = (0..120)
        .map(|row| {
            let (x, kind) = (random.normal(), ["a", "b & c"][row % 2]);
            let y = 2.0 * x + row as f64 % 2.0 + 0.3 * random.normal();
            [x.to_string(), kind.to_owned(), y.to_string(), (y > 0.5).to_string()]
        })
        .collect();
    let table =
        Table::from_rows(&["x", "<kind>", "y", "is high"].map(str::to_owned), &rows).unwrap();
    for (target, other) in [("y", "is high"), ("is high", "y")] {
        let setup = Setup { steps: 100, max_epochs: 20, draws: 10, ..Setup::for_rows(120) };
        let builder = TabularPredictor::builder(target).ignore(&[other]).setup(setup);
        let predictor = builder.fit(&table, ()).unwrap();
        let (effects, asked) = (predictor.effects(&table).unwrap(), Asked::default());
        let tested = predictor.evaluate(&table, &asked).unwrap();
        let tested = Tested {
            name: "again.csv".to_owned(),
            rows: 120,
            level: asked.level,
            judged: &tested.judged,
            figures: &tested.figures().unwrap(),
            out_of_range: &tested.out_of_range,
        };
        let report = Report::new(predictor.record()).tested(tested).effects(&effects);
        let page = report.html().unwrap();
        check(&page);
        assert!(page.contains("20 epochs") && page.contains("again.csv"));
        assert!(!page.contains("There are no rows"));
    }
}
