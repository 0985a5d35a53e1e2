//! What the joint distributions share.

/// `Distribution` for a joint distribution with a field `model: JointModel`.
macro_rules! joint_distribution {
    ($family:ident) => {
        impl Distribution for $family {
            fn parameters(&self) -> Vec<ParameterSpec<'_>> {
                Vec::new()
            }

            fn dtype(&self) -> Result<DType> {
                self.model.dtype()
            }

            fn batch_shape(&self) -> Result<Vec<usize>> {
                self.model.batch_shape()
            }

            fn event_shape(&self) -> Result<Vec<usize>> {
                self.model.no("event_shape of one tensor (ask its parts)")
            }

            fn check_values(&self) -> Result<()> {
                self.model.check_values()
            }

            fn log_prob_of(&self, _: &Tensor) -> Result<Tensor> {
                self.model.no("log_prob of one tensor (use `log_prob_parts`)")
            }

            fn sample_of(&self, _: &[usize], _: &mut Stream) -> Result<Tensor> {
                self.model.no("sample of one tensor (use `sample_parts`)")
            }

            fn log_prob(&self, value: &Tensor) -> Result<Tensor> {
                self.log_prob_of(value)
            }

            fn sample(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
                self.sample_of(shape, stream)
            }

            fn entropy(&self) -> Result<Tensor> {
                self.model.entropy()
            }

            fn reparameterization(&self) -> Reparameterization {
                self.model.reparameterization()
            }

            fn validate_args(&self) -> bool {
                self.validate_args || self.model.validate_args()
            }

            fn joint(&self) -> Option<&JointModel> {
                Some(&self.model)
            }

            fn elementwise_log_prob(&self, _: &Tensor) -> Option<Result<Tensor>> {
                None
            }
        }
    };
}
