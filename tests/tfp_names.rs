//! docs/tfp.md says what each name of the original is called here: every name that it gives exists, and none is left out.

use std::collections::BTreeSet;

/// The names, as text, of items that this file uses: one that does not exist does not compile.
macro_rules! existing {
    (items: $($item:path),* ; methods: $($method:expr),* $(,)?) => {{
        $(const _: () = {
            #[allow(unused_imports)]
            use $item;
        };)*
        $(let _ = $method;)*
        let all = [$(stringify!($item),)* $(stringify!($method),)*];
        all.map(|name| name.split_whitespace().collect::<String>())
    }};
}

/// Public names of `tfp.experimental.nn` 0.25.
const ORIGINAL: &str = "
    Affine AffineVariationalFlipout AffineVariationalReparameterization AffineVariationalReparameterizationLocal
    Convolution ConvolutionTranspose ConvolutionTransposeVariationalFlipout
    ConvolutionTransposeVariationalReparameterization ConvolutionV2 ConvolutionVariationalFlipout
    ConvolutionVariationalFlipoutV2 ConvolutionVariationalReparameterization
    ConvolutionVariationalReparameterizationV2 Layer Sequential VariationalLayer
    losses.compute_extra_loss losses.kl_divergence_exact losses.kl_divergence_monte_carlo losses.negloglik
    initializers.glorot_normal initializers.glorot_uniform initializers.he_normal initializers.he_uniform
    util.CallOnce util.RandomVariable util.batchify_op util.display_imgs util.expand_dims util.flatten_rightmost
    util.halflife_decay util.im2row util.im2row_index util.make_convolution_fn
    util.make_convolution_transpose_fn_with_dilation util.make_convolution_transpose_fn_with_subkernels
    util.make_convolution_transpose_fn_with_subkernels_matrix util.make_fit_op util.make_kernel_bias
    util.make_kernel_bias_posterior_mvn_diag util.make_kernel_bias_prior_spike_and_slab util.prepare_conv_args
    util.prepare_tuple_argument util.tfcompile util.trace util.tune_dataset util.variables_load
    util.variables_save util.variables_summary";

#[test]
fn every_name_of_the_table_exists_and_no_name_of_the_original_is_missing() {
    let existing: BTreeSet<String> = existing! {
        items:
            tfn::Affine,
            tfn::AffineVariationalFlipout,
            tfn::AffineVariationalReparameterization,
            tfn::AffineVariationalReparameterizationLocal,
            tfn::Convolution,
            tfn::ConvolutionTranspose,
            tfn::ConvolutionTransposeVariationalFlipout,
            tfn::ConvolutionTransposeVariationalReparameterization,
            tfn::ConvolutionV2,
            tfn::ConvolutionVariationalFlipout,
            tfn::ConvolutionVariationalFlipoutV2,
            tfn::ConvolutionVariationalReparameterization,
            tfn::ConvolutionVariationalReparameterizationV2,
            tfn::Layer,
            tfn::Sequential,
            tfn::VariationalLayer,
            tfn::losses::compute_extra_loss,
            tfn::losses::kl_divergence_exact,
            tfn::losses::kl_divergence_monte_carlo,
            tfn::losses::negloglik,
            tfn::initializers::glorot_normal,
            tfn::initializers::glorot_uniform,
            tfn::initializers::he_normal,
            tfn::initializers::he_uniform,
            tfn::util::flatten_rightmost,
            tfn::util::halflife_decay,
            tfn::util::make_kernel_bias,
            tfn::util::make_kernel_bias_posterior_mvn_diag,
            tfn::util::make_kernel_bias_prior_spike_and_slab,
            tfn::util::im2row,
            tfn::util::im2row_index,
            tfn::util::make_convolution_fn,
            tfn::util::make_convolution_transpose_fn_with_dilation,
            tfn::util::make_convolution_transpose_fn_with_subkernels,
            tfn::util::make_convolution_transpose_fn_with_subkernels_matrix,
            tfn::util::prepare_conv_args,
            tfn::util::prepare_tuple_argument,
            tfn::train::Fit,
            tfn::train::data::Batches,
            tfn::load_npz,
            tfn::save_npz;
        methods:
            tfn::Tensor::expand_dims,
            <dyn tfn::Layer as tfn::Module>::summary,
            <tfn::AffineVariationalFlipout as tfn::VariationalLayer>::posterior_value_at,
    }
    .into_iter()
    .map(|name| match name.as_str() {
        "<dyntfn::Layerastfn::Module>::summary" => "tfn::Module::summary".to_owned(),
        "<tfn::AffineVariationalFlipoutastfn::VariationalLayer>::posterior_value_at" => {
            "tfn::VariationalLayer::posterior_value_at".to_owned()
        }
        _ => name,
    })
    .collect();

    let mut originals = BTreeSet::new();
    let mut named = BTreeSet::new();
    let page = include_str!("../docs/tfp.md");
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [original, ours, differences] = cells.as_slice() else {
            panic!("a row of three cells was expected: {line}");
        };
        assert!(originals.insert(original.trim_matches('`')), "twice: {original}");
        assert!(!differences.is_empty(), "no word on {original}");
        match ours.trim_matches('`') {
            "" => {}
            name => assert!(named.insert(name.to_owned()), "twice: {name}"),
        }
    }
    assert_eq!(originals, ORIGINAL.split_whitespace().collect());
    assert_eq!(named, existing);
}
