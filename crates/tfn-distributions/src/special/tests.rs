//! Values against 50-digit arithmetic, and gradients against differences.

use tfn_tensor::testing::check_gradients;
use tfn_tensor::{DType, Tensor, Variable};

use super::*;

fn apply(name: &str, v: &[Tensor]) -> Tensor {
    match (name, v) {
        ("lgamma", [x]) => lgamma(x),
        ("digamma", [x]) => digamma(x),
        ("log_beta", [a, b]) => log_beta(a, b),
        ("lgamma_divergence", [p, q]) => lgamma_divergence(p, q),
        ("log1p_gap", [t]) => log1p_gap(t),
        ("gamma_log_density", [a, rate, x]) => gamma_log_density(a, rate, x),
        ("inverse_gamma_log_density", [a, scale, y]) => inverse_gamma_log_density(a, scale, y),
        ("beta_log_density", [a, b, x]) => beta_log_density(a, b, x),
        ("gamma_entropy", [a]) => gamma_entropy(a),
        ("log_multigamma", [a]) => log_multigamma(a, 3),
        ("erfcx", [x]) => erfcx(x),
        ("log_erfcx", [x]) => log_erfcx(x),
        ("ndtri", [p]) => ndtri(p),
        ("bessel_i0e", [x]) => bessel_i0e(x),
        ("bessel_i1e", [x]) => bessel_i1e(x),
        ("log_bessel_i0e", [x]) => log_bessel_i0e(x),
        ("bessel_ratio", [x]) => bessel_ratio(x),
        ("gammainc", [a, x]) => gammainc(a, x),
        ("gammaincc", [a, x]) => gammaincc(a, x),
        ("log_gammainc", [a, x]) => log_gammainc(a, x),
        ("log_gammaincc", [a, x]) => log_gammaincc(a, x),
        ("gammaincinv", [a, p]) => gammaincinv(a, p),
        ("gammainccinv", [a, p]) => gammainccinv(a, p),
        ("log_gammaincinv", [a, p]) => log_gammaincinv(a, p),
        ("betainc", [a, b, x]) => betainc(a, b, x),
        ("betaincc", [a, b, x]) => betaincc(a, b, x),
        ("log_betainc", [a, b, x]) => log_betainc(a, b, x),
        ("log_betaincc", [a, b, x]) => log_betaincc(a, b, x),
        ("betaincinv", [a, b, p]) => betaincinv(a, b, p),
        ("betainccinv", [a, b, p]) => betainccinv(a, b, p),
        _ => panic!("{name} of {}", v.len()),
    }
}

/// Name, arguments, value (mpmath with 50 digits and more, by series and their complements), relative tolerance.
#[rustfmt::skip]
const VALUES: &[(&str, &[f64], f64, f64)] = &[
    ("lgamma", &[0.15206884249296732], 1.8133855719048517, 3e-15),
    ("lgamma", &[0.00023358563229661494], 8.361827030065793, 3e-15),
    ("lgamma", &[19.86685256715819], 38.94482205161141, 3e-15),
    ("lgamma", &[9.70269401403346e-06], 11.54310137714066, 3e-15),
    ("lgamma", &[1086.1079443791498], 6503.596961112699, 3e-15),
    ("lgamma", &[1.6116431477760093e-05], 11.03566191529657, 3e-15),
    ("digamma", &[17042.981986040137], 9.743464446377647, 3e-15),
    ("digamma", &[3.7405338436704287], 1.179642839489048, 3e-15),
    ("digamma", &[2.004879999175439e-06], -498783.5469717925, 3e-15),
    ("digamma", &[0.822851400693532], -0.9135892911809539, 3e-15),
    ("digamma", &[96.29561563916273], 4.562221458507518, 3e-15),
    ("digamma", &[5.555385682831525e-06], -180006.08125108294, 3e-15),
    ("log_beta", &[0.04387126564219938, 99691.31872207444], 2.597771892338142, 3e-15),
    ("log_beta", &[0.13700307171020304, 3.461334681714733], 1.77069683113553, 3e-15),
    ("log_beta", &[0.0003180467695501043, 0.06757902349893798], 8.057973664885049, 3e-15),
    ("log_beta", &[254.13210311702088, 0.0009094929712993295], 6.997064144024819, 3e-15),
    ("log_beta", &[9.527368667563723, 1.8229979891774333], -4.248977303140281, 3e-15),
    ("log_beta", &[1.8512892051296018e-06, 1.0749441968797876e-06], 14.201075611283825, 3e-15),
    ("lgamma_divergence", &[27954.636987425696, 27954.63685812927], 2.990177424673812e-13, 3e-15),
    ("lgamma_divergence", &[3.2400531408557954e-05, 3.239556965263148e-05], 1.1728033966603392e-08, 3e-15),
    ("lgamma_divergence", &[3.6802825419357584e-05, 3.561149677382676e-05], 0.0005473931061260507, 3e-15),
    ("lgamma_divergence", &[8.471988106214543, 8.47863897144462], 2.769185694145301e-06, 3e-15),
    ("lgamma_divergence", &[26.798766127472245, 26.798785839024834], 7.386246139482301e-12, 3e-15),
    ("lgamma_divergence", &[755.9203462979336, 755.9207110705004], 8.806948597180581e-11, 3e-15),
    ("erfcx", &[-1.0982757741768948e-07], 1.0000001239271623, 3e-15),
    ("erfcx", &[-0.000147399908305297], 1.0001663447149058, 3e-15),
    ("erfcx", &[0.00044556714729334957], 0.9994974297770113, 3e-15),
    ("erfcx", &[3.886370432063303e-06], 0.9999956147156727, 3e-15),
    ("erfcx", &[-6.8920303445165986e-09], 1.0000000077768234, 3e-15),
    ("erfcx", &[-0.01671328303543448], 1.0191418055868455, 3e-15),
    ("log_erfcx", &[-7.989746663945741e-07], 9.015466005643672e-07, 3e-15),
    ("log_erfcx", &[1.0287484915833636], -0.8678461747612537, 3e-15),
    ("log_erfcx", &[-0.0006806871470120149], 0.0007682415951901047, 3e-15),
    ("log_erfcx", &[1.0318493582718619e-05], -1.1643134505092536e-05, 3e-15),
    ("log_erfcx", &[-12.432962821585935], 155.27171170349806, 3e-15),
    ("log_erfcx", &[0.20457774898470102], -0.21647953491595404, 3e-15),
    ("ndtri", &[5.497630450311342e-110], -22.251143856721463, 3e-15),
    ("ndtri", &[1.0708391431253718e-283], -35.973897074542315, 3e-15),
    ("ndtri", &[3.123471023361046e-216], -31.364113834227616, 3e-15),
    ("ndtri", &[7.525812233091381e-151], -26.133824155249542, 3e-15),
    ("ndtri", &[1.1267401368620241e-124], -23.71978942275301, 3e-15),
    ("ndtri", &[3.076392524560083e-79], -18.810863098741695, 3e-15),
    ("bessel_i0e", &[5.517686605635555e-06], 0.9999944823362279, 3e-15),
    ("bessel_i0e", &[0.0062158497910314355], 0.9938130280050902, 3e-15),
    ("bessel_i0e", &[0.00019577239092156095], 0.9998042563510741, 3e-15),
    ("bessel_i0e", &[9.874732086282965], 0.12866448034826772, 3e-15),
    ("bessel_i0e", &[75.5747746584359], 0.045966853198615876, 3e-15),
    ("bessel_i0e", &[8.46327349841597], 0.13931332009251787, 3e-15),
    ("bessel_i1e", &[5.359707661061384], 0.15939395549006172, 3e-15),
    ("bessel_i1e", &[1.658441002505461], 0.21879506641655966, 3e-15),
    ("bessel_i1e", &[421.13636735141495], 0.019422785581398105, 3e-15),
    ("bessel_i1e", &[0.08150581754183485], 0.037594271511453496, 3e-15),
    ("bessel_i1e", &[1.3672597799209526e-06], 6.836289552616221e-07, 3e-15),
    ("bessel_i1e", &[0.01698902099321691], 0.00835171734752576, 3e-15),
    ("gammainc", &[25.208154598779696, 42.062287388956285], 0.9979691486000304, 3e-14),
    ("gammainc", &[8.877741709949812e-05, 0.00011169355123759167], 0.9992436610457146, 3e-14),
    ("gammainc", &[0.0005387271066591915, 0.0015008063918484614], 0.9968123362899515, 3e-14),
    ("gammainc", &[0.034273284673665645, 1.8689979135949555], 0.9978832745204116, 3e-14),
    ("gammainc", &[32.95564827929998, 13.66682579325839], 6.897735934478767e-06, 3e-14),
    ("gammainc", &[18447.650690019367, 17680.07010187929], 5.043946717630622e-09, 3e-14),
    ("gammaincc", &[8.238079982557193e-06, 4.855684389592625e-08], 0.0001339695714197924, 3e-14),
    ("gammaincc", &[19.762915629052976, 29.28278353767712], 0.02601615003293074, 3e-14),
    ("gammaincc", &[0.039422282034770315, 3.438481848984796e-07], 0.43176690108580085, 3e-14),
    ("gammaincc", &[0.0022845644869381567, 2.5161818567417136], 5.5942491533511465e-05, 3e-14),
    ("gammaincc", &[316839.32304068614, 321463.4357284473], 1.4672535066757635e-16, 3e-14),
    ("gammaincc", &[90.55547932187089, 28.1330329690867], 1.0, 3e-14),
    ("log_gammainc", &[316839.32304068614, 321463.4357284473], -1.4672535066757635e-16, 1e-14),
    ("log_gammainc", &[2.22420110421011e-06, 1.025052505878317e-11], -5.499666045118301e-05, 1e-14),
    ("log_gammainc", &[61.8363072676225, 79.3012867456068], -0.01883617962379701, 1e-14),
    ("log_gammainc", &[0.14944426315215253, 1.6817114294933058], -0.014038632157097993, 1e-14),
    ("log_gammainc", &[25.208154598779696, 42.062287388956285], -0.002032916374919193, 1e-14),
    ("log_gammainc", &[0.17676932096462536, 2.908146889948255e-08], -2.989192750772464, 1e-14),
    ("log_gammaincc", &[0.17676932096462536, 2.908146889948255e-08], -0.05163866729284231, 1e-14),
    ("log_gammaincc", &[0.0208857234958112, 0.0011117074949391944], -2.101754593553698, 1e-14),
    ("log_gammaincc", &[0.18204206540192852, 3.9790621588902003e-05], -0.1878727312577361, 1e-14),
    ("log_gammaincc", &[0.00616726635952463, 0.29506869570714167], -5.173061802940046, 1e-14),
    ("log_gammaincc", &[50820.317441526924, 52533.926185070784], -31.221546758677203, 1e-14),
    ("log_gammaincc", &[0.0003298739181766577, 1.8166440152671344], -10.777693894864123, 1e-14),
    ("log_gammaincinv", &[238.89492615226501, 6.023998196983754e-13], 4.97656814846904, 1e-14),
    ("log_gammaincinv", &[7.492373491190127, 1.1857522317099136e-34], -9.15384363365835, 1e-14),
    ("log_gammaincinv", &[4.5560190581709, 2.426271684061005e-09], -3.4597670884916316, 1e-14),
    ("log_gammaincinv", &[117.55219565903141, 6.645751608713638e-09], 4.189176556058981, 1e-14),
    ("log_gammaincinv", &[7.683198438796087, 4.457394365587974e-11], -1.7901255780862997, 1e-14),
    ("log_gammaincinv", &[274.90866755515054, 0.04199622805363566], 5.509111461743744, 1e-14),
    ("betainc", &[12.65771358903093, 1.1894894795998377e-06, 1.9572158109310744e-05], 2.3764363888891033e-67, 3e-14),
    ("betainc", &[533.2710835695239, 8.404451752327102, 0.9720639259558138], 0.021799713495766766, 3e-14),
    ("betainc", &[0.049279198654259275, 0.0006482508263653408, 0.5538499379914378], 0.013093816137125108, 3e-14),
    ("betainc", &[6.056430408417838e-05, 0.0720268772444672, 0.2196522814180549], 0.9990888087734903, 3e-14),
    ("betainc", &[2.4383297400725798e-05, 0.12522080829806068, 0.03784310244034313], 0.9997309252956129, 3e-14),
    ("betainc", &[0.00012418175794433236, 3590.415921484524, 5.635018364348269e-06], 0.9995848677577683, 3e-14),
    ("betaincc", &[456411.75846424536, 0.0020620113275818513, 5.7564613971595895e-05], 1.0, 3e-14),
    ("betaincc", &[0.004107935649519895, 1.3893846366058176e-05, 0.39578386753256667], 0.9966350891324995, 3e-14),
    ("betaincc", &[2.6532082939195087e-06, 0.37378272224628123, 0.007664852369649523], 1.871299304886733e-05, 3e-14),
    ("betaincc", &[1.2784357700286175, 39.55686025560164, 7.936964167440757e-06], 0.9999710299735041, 3e-14),
    ("betaincc", &[0.9136045793447738, 0.4002592289890387, 0.710512860711624], 0.5854598568628783, 3e-14),
    ("log_betainc", &[0.9136045793447738, 0.4002592289890387, 0.710512860711624], -0.8805854619619784, 1e-14),
    ("log_betainc", &[0.049279198654259275, 0.0006482508263653408, 0.5538499379914378], -4.335615210827128, 1e-14),
    ("log_betainc", &[88.48202356010319, 0.0557929181475041, 0.0035741709444296376], -505.5957134019475, 1e-14),
    ("log_betainc", &[0.07497069634821447, 3.966699184126888e-05, 0.02120692945825347], -7.832257321036578, 1e-14),
    ("log_betainc", &[0.11575530520013617, 0.0394191860553809, 0.8816796199230287], -1.1819733588554489, 1e-14),
    ("log_betainc", &[0.05238533875138344, 0.00011058709317109325, 4.7180768418246826e-08], -7.046381195894764, 1e-14),
    ("log_betaincc", &[5.01373296446319, 0.00476332322265998, 0.9436029495295973], -0.004803327391132908, 1e-14),
    ("log_betaincc", &[0.9136045793447738, 0.4002592289890387, 0.710512860711624], -0.5353576604419473, 1e-14),
    ("log_betaincc", &[0.00985938487017546, 0.013618830520518746, 0.76854006121084], -0.883864316087842, 1e-14),
    ("log_betaincc", &[0.000448496508247961, 0.001264996294301392, 0.1954158653977348], -1.3386023216750127, 1e-14),
    ("log_betaincc", &[30544.713810520218, 10826.319088007842, 0.729676628207647], -3.596071245973109e-05, 1e-14),
    ("log_betaincc", &[359324.6782315961, 748.833406275218, 0.9980845708001751], -4.303037945557448, 1e-14),
    ("betaincinv", &[0.9136045793447738, 0.4002592289890387, 0.41454014313712173], 0.710512860711624, 1e-14),
    ("betaincinv", &[19609.63483353813, 1.8387369149267343, 0.002487232710362282], 0.9995978566132887, 1e-14),
    ("betaincinv", &[0.11575530520013617, 0.0394191860553809, 0.30667296528187427], 0.8816796199230287, 1e-14),
];

/// `a + z√a + (z² − 1)/3`, far above the rest of the series, where logarithms of the numbers have fewer digits than they.
#[test]
fn quantiles_of_the_largest_concentrations_have_their_digits() {
    let number = Tensor::scalar;
    // mpmath: Φ⁻¹(0.975).
    let z = 1.959_963_984_540_054;
    for a in [3e20_f64, 1.3e24, 1.268_649_370_354_987e88, 1e300] {
        for (p, z) in [(0.025, -z), (0.975, z)] {
            let expected = a + z * a.sqrt();
            let below = gammaincinv(&number(a), &number(p)).item().unwrap();
            let above = gammainccinv(&number(a), &number(p)).item().unwrap();
            assert!((below / expected - 1.0).abs() < 5e-16, "{a} {p}: {below} {expected}");
            let expected = a - z * a.sqrt();
            assert!((above / expected - 1.0).abs() < 5e-16, "{a} {p}: {above} {expected}");
        }
    }
}

#[test]
fn values_have_their_digits() {
    for (name, arguments, expected, tolerance) in VALUES {
        let inputs: Vec<Tensor> = arguments.iter().map(|&x| Tensor::scalar(x)).collect();
        let given = apply(name, &inputs).item().unwrap();
        let error = ((given - expected) / expected).abs();
        assert!(error <= *tolerance, "{name}{arguments:?} = {given:e}, expected {expected:e}");
    }
}

/// Points on all branches.
const POINTS: &[(&str, &[&[f64]])] = &[
    ("lgamma", &[&[0.3], &[2.5], &[40.0], &[-0.7]]),
    ("digamma", &[&[0.3], &[2.5], &[40.0], &[-0.7]]),
    ("log_beta", &[&[0.3, 4.0], &[20.0, 30.0], &[2.0, 50.0], &[50.0, 0.5]]),
    ("lgamma_divergence", &[&[0.3, 0.5], &[20.0, 30.0], &[3.0, 50.0], &[50.0, 2.0]]),
    ("log1p_gap", &[&[-0.7], &[-0.2], &[0.3], &[4.0]]),
    (
        "gamma_log_density",
        &[&[0.4, 2.0, 0.2], &[3.0, 0.5, 5.0], &[40.0, 2.0, 18.0], &[40.0, 1.0, 9.0]],
    ),
    (
        "inverse_gamma_log_density",
        &[&[0.4, 2.0, 5.0], &[3.0, 0.5, 0.2], &[40.0, 2.0, 0.05], &[1.0, 1.0, 9.0]],
    ),
    ("beta_log_density", BETA),
    ("gamma_entropy", &[&[0.4], &[3.0], &[40.0]]),
    ("log_multigamma", &[&[1.4], &[30.0]]),
    ("erfcx", &[&[-2.0], &[0.3], &[4.0], &[30.0]]),
    ("log_erfcx", &[&[-7.0], &[-2.0], &[0.3], &[4.0], &[30.0]]),
    ("ndtri", &[&[0.1], &[0.5], &[0.9]]),
    ("bessel_i0e", &[&[-2.0], &[0.3], &[4.0], &[30.0]]),
    ("bessel_i1e", &[&[-2.0], &[0.3], &[4.0], &[30.0]]),
    ("log_bessel_i0e", &[&[-2.0], &[0.3], &[4.0], &[30.0]]),
    ("bessel_ratio", &[&[-2.0], &[0.3], &[4.0], &[30.0]]),
    ("gammainc", GAMMA),
    ("gammaincc", GAMMA),
    ("log_gammainc", GAMMA),
    ("log_gammaincc", GAMMA),
    ("gammaincinv", LEVELS),
    ("gammainccinv", LEVELS),
    ("log_gammaincinv", LEVELS),
    ("betainc", BETA),
    ("betaincc", BETA),
    ("log_betainc", BETA),
    ("log_betaincc", BETA),
    ("betaincinv", BETA),
    ("betainccinv", BETA),
];
const GAMMA: &[&[f64]] = &[
    &[0.4, 0.2],
    &[0.4, 1.05],
    &[0.4, 3.0],
    &[3.0, 2.0],
    &[3.0, 6.0],
    &[70.0, 66.0],
    &[70.0, 80.0],
];
const LEVELS: &[&[f64]] = &[&[0.4, 0.2], &[0.4, 0.8], &[3.0, 0.3], &[3.0, 0.9], &[70.0, 0.45]];
const BETA: &[&[f64]] = &[
    &[0.4, 0.7, 0.2],
    &[0.4, 0.7, 0.7],
    &[3.0, 2.0, 0.4],
    &[3.0, 2.0, 0.8],
    &[30.0, 50.0, 0.35],
    &[30.0, 50.0, 0.45],
];

#[test]
fn gradients_agree_with_central_differences() {
    for (name, points) in POINTS {
        for point in *points {
            let inputs: Vec<Tensor> = point.iter().map(|&x| Tensor::scalar(x)).collect();
            check_gradients(&inputs, |v| apply(name, v))
                .unwrap_or_else(|error| panic!("{name}{point:?}: {error}"));
        }
    }
}

#[test]
fn arguments_outside_give_nan_and_the_ends_their_limits() {
    let value = |name, arguments: &[f64]| {
        let inputs: Vec<Tensor> = arguments.iter().map(|&x| Tensor::scalar(x)).collect();
        apply(name, &inputs).item().unwrap()
    };
    assert!(value("gammainc", &[-1.0, 1.0]).is_nan() && value("gammainc", &[1.0, -1.0]).is_nan());
    assert!(value("betainc", &[1.0, 1.0, 1.5]).is_nan() && value("ndtri", &[-0.1]).is_nan());
    assert_eq!(
        (value("gammainc", &[2.0, 0.0]), value("gammaincc", &[2.0, f64::INFINITY])),
        (0.0, 0.0)
    );
    assert_eq!(
        (value("betainc", &[2.0, 3.0, 0.0]), value("betaincc", &[2.0, 3.0, 1.0])),
        (0.0, 0.0)
    );
    assert_eq!(
        (value("gammaincinv", &[2.0, 0.0]), value("gammaincinv", &[2.0, 1.0])),
        (0.0, f64::INFINITY)
    );
    assert_eq!(
        (value("betaincinv", &[2.0, 3.0, 0.0]), value("betaincinv", &[2.0, 3.0, 1.0])),
        (0.0, 1.0)
    );
    assert_eq!((value("ndtri", &[0.0]), value("ndtri", &[0.5])), (f64::NEG_INFINITY, 0.0));
}

#[test]
fn single_precision_goes_through_double() {
    for (name, points) in POINTS {
        let inputs: Vec<Tensor> = points[0].iter().map(|&x| Tensor::scalar(x as f32)).collect();
        let wide: Vec<Tensor> = inputs.iter().map(|x| x.cast(DType::F64)).collect();
        let (narrow, exact) = (apply(name, &inputs), apply(name, &wide));
        assert_eq!(narrow.data::<f32>().unwrap(), [exact.item().unwrap() as f32], "{name}");
    }
}

/// The function, its arguments, which of them, and the derivative in it from mpmath with 60 digits.
const SLOPES: &[(&str, &[f64], usize, f64)] = &[
    ("log_gammaincc", &[2.0, 1e8], 0, 17.997_896_418_853_898),
    ("log_gammaincc", &[2.5, 1e3], 0, 6.205_599_136_589_516),
    ("log_gammaincc", &[2.0, 1e8], 1, -0.999_999_99),
    ("log_gammaincc", &[2.0, 1e15], 1, -0.999_999_999_999_999),
    ("log_gammaincc", &[1e6, 1e12], 1, -0.999_999_000_001_000_1),
    ("log_gammainc", &[70.0, 1e-30], 0, -73.333_173_882_557_91),
    ("log_gammainc", &[70.0, 3.5], 0, -3.003_586_814_836_897),
    ("log_gammainc", &[1e6, 1e5], 1, 9.000_001_111_109_602),
    ("log_gammainc", &[1e6, 1e-100], 1, 1e106),
    ("log_betainc", &[30.0, 50.0, 1e-30], 0, -68.119_560_641_796_25),
    ("log_betainc", &[30.0, 50.0, 1e-30], 1, 0.473_773_940_616_091_47),
    ("log_betainc", &[30.0, 50.0, 1e-30], 2, 3e31),
    ("log_betainc", &[1e6, 1e6, 0.4], 2, 833_343.333_083_348_4),
    ("log_betainc", &[1e6, 1e6, 1e-3], 2, 998_999_001.003_005),
    ("log_betaincc", &[1e6, 1e6, 0.6], 2, -833_343.333_083_348_4),
];

#[test]
fn slopes_of_logarithms_have_their_digits_far_out() {
    for &(name, at, which, exact) in SLOPES {
        let inputs: Vec<Variable> =
            at.iter().map(|&x| Variable::new("x", Tensor::scalar(x)).unwrap()).collect();
        let tensors: Vec<Tensor> = inputs.iter().map(Variable::tensor).collect();
        let slopes = apply(name, &tensors).gradients().unwrap();
        let given = slopes.of(&inputs[which]).item().unwrap();
        assert!((given / exact - 1.0).abs() < 3e-14, "{name}{at:?} {which}: {given} {exact}");
    }
}

/// Where `Q` is `x^(a−1) e^−x/Γ(a)` and `P` is `x^a e^−x/Γ(a + 1)/(1 − x/a)` to the last digit.
#[test]
fn incomplete_gamma_functions_of_the_largest_numbers_have_slopes() {
    let slopes = |f: fn(&Tensor, &Tensor) -> Tensor, a: f64, x: f64| {
        let [a, x] = [a, x].map(|value| Variable::new("v", Tensor::scalar(value)).unwrap());
        let gradients = f(&a.tensor(), &x.tensor()).gradients().unwrap();
        [gradients.of(&a).item().unwrap(), gradients.of(&x).item().unwrap()]
    };
    for (a, x, digamma) in [
        (90.3, 4.79e306, 4.497590142167756),
        (0.5, 1e308, -1.9635100260214235),
        (1e5, 1e290, 11.512920464961896),
    ] {
        assert_eq!(slopes(gammainc, a, x), [0.0; 2]);
        assert_eq!(slopes(gammaincc, a, x), [0.0; 2]);
        assert_eq!(slopes(log_gammainc, a, x), [0.0; 2]);
        let [in_a, in_x] = slopes(log_gammaincc, a, x);
        assert!((in_a / (x.ln() - digamma) - 1.0).abs() < 1e-13, "{a}: {in_a}");
        assert!((in_x + 1.0).abs() < 1e-13, "{a}: {in_x}");
    }
    let [in_a, in_x] = slopes(log_gammainc, 1e300, 1e299);
    assert!((in_x / 9.0 - 1.0).abs() < 1e-13, "{in_x}");
    // ln x − ln a.
    assert!((in_a / -10.0_f64.ln() - 1.0).abs() < 1e-13, "{in_a}");
}
