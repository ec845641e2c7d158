//! Which image machines are made from, and how it comes to be there.

use super::image::{self, ImageBuild};
use super::{DockerDriver, bake};
use crate::driver::Error;
use crate::event::Progress;

impl DockerDriver {
    /// Builds the machine image and returns its tag. Lines of the build's output are progress
    /// details.
    ///
    /// # Errors
    /// [`Error::Failed`] with the last lines of output.
    pub async fn build_image(
        &self,
        build: ImageBuild,
        progress: &Progress,
    ) -> Result<String, Error> {
        image::build(self, &build, progress).await
    }

    /// Builds the machine image with [what is put into machines beforehand](Self::with_baked), unless
    /// it is there, and returns its tag.
    ///
    /// # Errors
    /// [`Error::Failed`] with the last lines of output.
    pub async fn bake_image(&self, progress: &Progress) -> Result<String, Error> {
        if !self.image_present().await? {
            self.fetch_image(progress).await?;
        }
        Ok(self.image())
    }

    /// Whether the image that machines are made from is there.
    ///
    /// # Errors
    /// [`Error::Failed`] when the engine does not say.
    pub async fn image_present(&self) -> Result<bool, Error> {
        image::present(&self.engine, &self.image()).await
    }

    /// The reference of the image that machines are made from.
    pub(super) fn image(&self) -> String {
        match (&self.options.image, &self.baked) {
            (Some(chosen), _) => chosen.clone(),
            (None, Some(baked)) => baked.tag(),
            (None, None) => image::tag(self.variant()),
        }
    }

    /// Builds the machine image, or fetches the one that was chosen instead.
    pub(super) async fn fetch_image(&self, progress: &Progress) -> Result<(), Error> {
        if let Some(reference) = &self.options.image {
            return image::pull(&self.engine, reference, progress).await;
        }
        if let Some(baked) = &self.baked {
            return bake::bake(self, baked, progress).await;
        }
        let default = ImageBuild { variant: self.variant(), ..Default::default() };
        image::build(self, &default, progress).await.map(drop)
    }
}
