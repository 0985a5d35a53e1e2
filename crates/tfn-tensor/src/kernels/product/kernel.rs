//! The steps of a product that are compiled for each instruction set.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::factor::Factor;
use super::pack;
use super::tile::{Left, Panel, WIDTH};
use crate::dtype::Element;
use crate::kernels::arch::arch;

/// What one instruction set does of a product. The rest is compiled once for all of them.
pub(super) trait Kernel<E: Element> {
    /// Rows and columns of a tile.
    fn tile_size(&self) -> (usize, usize);

    /// The panels of the rows `depth` of some columns of the right factor.
    fn pack_right(
        &self,
        panels: &mut [E],
        panel_size: usize,
        b: &Factor<'_, E>,
        depth: Range<usize>,
        columns: Range<usize>,
    );

    /// Rows of the left factor, a tile's at a time, interleaved.
    fn pack_left(
        &self,
        packed: &mut [E],
        a: &Factor<'_, E>,
        rows: Range<usize>,
        depth: Range<usize>,
    );

    /// The squares of rows of the left factor, row after row.
    fn square_rows(
        &self,
        squares: &mut [E],
        a: &Factor<'_, E>,
        rows: Range<usize>,
        depth: Range<usize>,
    );

    /// The tiles of some rows over `depth` entries of the inner dimension.
    fn tiles(
        &self,
        panel: &Panel<'_, E>,
        rows: Range<usize>,
        depth: usize,
        left: Left<'_, E>,
        right: &[E],
    );
}

/// An instruction set, with tiles of so many rows that the accumulators hide the latency of an addition, and so few
/// that the addresses of the left rows stay in registers.
struct Instructions<S, const ROWS: usize>(S);

impl<S: Simd, E: Element, const ROWS: usize> Kernel<E> for Instructions<S, ROWS> {
    fn tile_size(&self) -> (usize, usize) {
        (ROWS, WIDTH * E::lanes::<S>())
    }

    fn pack_right(
        &self,
        panels: &mut [E],
        panel_size: usize,
        b: &Factor<'_, E>,
        depth: Range<usize>,
        columns: Range<usize>,
    ) {
        let simd = self.0;
        simd.vectorize(
            #[inline(always)]
            || pack::pack_right(simd, panels, panel_size, b, depth, columns),
        );
    }

    fn pack_left(
        &self,
        packed: &mut [E],
        a: &Factor<'_, E>,
        rows: Range<usize>,
        depth: Range<usize>,
    ) {
        self.0.vectorize(
            #[inline(always)]
            || pack::pack_left::<E, ROWS>(packed, a, rows, depth),
        );
    }

    fn square_rows(
        &self,
        squares: &mut [E],
        a: &Factor<'_, E>,
        rows: Range<usize>,
        depth: Range<usize>,
    ) {
        self.0.vectorize(
            #[inline(always)]
            || pack::square_rows(squares, a, rows, depth),
        );
    }

    fn tiles(
        &self,
        panel: &Panel<'_, E>,
        rows: Range<usize>,
        depth: usize,
        left: Left<'_, E>,
        right: &[E],
    ) {
        panel.compute::<S, ROWS>(self.0, rows, depth, left, right);
    }
}

/// Runs `work` with the kernel of this machine.
pub(super) fn with_kernel<E: Element>(work: &dyn Fn(&dyn Kernel<E>)) {
    arch().dispatch(With(work));
}

/// Runs a function with the kernel of an instruction set.
pub(super) struct With<'a, E>(pub(super) &'a dyn Fn(&dyn Kernel<E>));

impl<E: Element> WithSimd for With<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            8 => (self.0)(&Instructions::<S, 6>(simd)),
            1 => (self.0)(&Instructions::<S, 4>(simd)),
            _ => (self.0)(&Instructions::<S, 8>(simd)),
        }
    }
}
