//! The same with rten, which is Rust throughout and needs no library.
//!
//!     cargo run --release --bin rten -- pixelcnn.sampler.onnx [IMAGES [SEED [TEMPERATURE [CLASS [PICTURE]]]]]
//!
//! It has neither float64 nor int64 nor bool: it computes in float32, so that a pixel in some million may differ.
use rten::{Model, NodeId, Value, ValueOrView};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let r = draw::arguments();
    let model = Model::load_file(&r.file)?;
    let metadata = |key| model.metadata().get(key).map(str::to_string);
    let number = |key| metadata(key).and_then(|v| v.parse::<usize>().ok()).expect("a one-file sampler");
    let (height, width) = (number("pixelcnn.height"), number("pixelcnn.width"));
    let shape = [r.n, height, width];
    let coins: Vec<f32> = (0..r.n as u64).flat_map(|i| draw::uniforms(r.seed, i, height * width)).map(|u| u as f32).collect();
    let mut inputs: Vec<(NodeId, ValueOrView)> = vec![
        (model.node_id("uniforms")?, Value::from_shape(shape, coins)?.into()),
        (model.node_id("temperature")?, Value::from_shape([1], vec![r.temperature as f32])?.into()),
    ];
    if let (Some(_), Some(prior)) = (metadata("pixelcnn.label"), metadata("pixelcnn.class_prior")) {
        let label: Vec<i32> = r.classes(&prior).iter().map(|&k| k as i32).collect();
        inputs.push((model.node_id("label")?, Value::from_shape([r.n], label)?.into()));
    }
    if let Some(picture) = &r.picture {
        let keep: Vec<i32> = r.keep(height, width).into_iter().map(i32::from).collect();
        inputs.push((model.node_id("init")?, Value::from_shape(shape, picture.repeat(r.n))?.into()));
        inputs.push((model.node_id("keep")?, Value::from_shape(shape, keep)?.into()));
    }
    let began = Instant::now();
    let [levels, logprob] = model.run_n(inputs, [model.node_id("levels")?, model.node_id("logprob")?], None)?;
    let seconds = began.elapsed().as_secs_f64();
    let (_, levels) = levels.into_shape_vec::<u8, 3>()?;
    let (_, logprob) = logprob.into_shape_vec::<f32, 1>()?;
    r.done(&levels, logprob[0], height, width, seconds);
    Ok(())
}
