//! Draws the images of `sampler --seed SEED` from a one-file sampler into levels.raw, uint8 [images, height, width].
//!
//!     export ORT_DYLIB_PATH=/where/it/is/libonnxruntime.so
//!     cargo run --release -- pixelcnn.sampler.onnx [IMAGES [SEED [TEMPERATURE [CLASS [PICTURE]]]]]
//!
//! See ../../README.md. Any ONNX Runtime from 1.24 on will do.
use ort::session::{Session, SessionInputValue};
use ort::value::Tensor;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let r = draw::arguments();
    let environment = ort::init().build()?;
    let mut session = Session::builder(&environment)?.with_intra_threads(1)?.commit_from_file(&r.file)?; // the operators are small
    let (metadata, height, width) = {
        let m = session.metadata()?;
        let number = |key| m.custom(key).and_then(|v| v.parse::<usize>().ok()).expect("a one-file sampler");
        ((m.custom("pixelcnn.label"), m.custom("pixelcnn.class_prior")), number("pixelcnn.height"), number("pixelcnn.width"))
    };
    let shape = [r.n, height, width];
    let coins: Vec<f64> = (0..r.n as u64).flat_map(|i| draw::uniforms(r.seed, i, height * width)).collect();
    let mut inputs: Vec<(&str, SessionInputValue)> = vec![
        ("uniforms", Tensor::from_array((shape, coins))?.into()),
        ("temperature", Tensor::from_array(([1], vec![r.temperature]))?.into()),
    ];
    if let (Some(_), Some(prior)) = metadata {
        inputs.push(("label", Tensor::from_array(([r.n], r.classes(&prior)))?.into()));
    }
    if let Some(picture) = &r.picture {
        inputs.push(("init", Tensor::from_array((shape, picture.repeat(r.n)))?.into()));
        inputs.push(("keep", Tensor::from_array((shape, r.keep(height, width)))?.into()));
    }
    let began = Instant::now();
    let outputs = session.run(inputs)?;
    let seconds = began.elapsed().as_secs_f64();
    let (_, levels) = outputs["levels"].try_extract_tensor::<u8>()?;
    let (_, logprob) = outputs["logprob"].try_extract_tensor::<f32>()?;
    r.done(levels, logprob[0], height, width, seconds);
    Ok(())
}
