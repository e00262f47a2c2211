//! What the two programs share: arguments, random numbers and the draw of a class.

/// The first n of Go's rand.New(rand.NewPCG(seed, stream)).Float64().
pub fn uniforms(seed: u64, stream: u64, n: usize) -> Vec<f64> {
    let mut state = (seed as u128) << 64 | stream as u128;
    let mut next = || {
        state = state.wrapping_mul(0x2360ed051fc65da44385df649fccf645).wrapping_add(0x5851f42d4c957f2d14057b7ef767814f);
        let (hi, lo) = ((state >> 64) as u64, state as u64);
        let hi = (hi ^ hi >> 32).wrapping_mul(0xda942042e4dd58b5);
        let hi = (hi ^ hi >> 48).wrapping_mul(lo | 1);
        (hi & ((1 << 53) - 1)) as f64 / (1u64 << 53) as f64
    };
    (0..n).map(|_| next()).collect()
}

/// The first class up to which the probabilities add up to more than u.
pub fn draw_class(prior: &[f64], u: f64) -> usize {
    let mut sum = 0.0;
    let up_to = |p: &f64| {
        sum += p;
        *p > 0.0 && u < sum
    };
    prior.iter().position(up_to).unwrap_or_else(|| prior.iter().rposition(|p| *p > 0.0).unwrap_or(0))
}

/// What is to be drawn: FILE [IMAGES [SEED [TEMPERATURE [CLASS [PICTURE]]]]].
pub struct Request {
    pub file: String,
    pub n: usize,
    pub seed: u64,
    pub temperature: f64,
    pub class: Option<i64>,
    pub picture: Option<Vec<u8>>, // levels, of which the upper half is kept
}

pub fn arguments() -> Request {
    let mut a = std::env::args().skip(1);
    let file = a.next().expect("FILE");
    let mut or = |default: &str| a.next().unwrap_or(default.to_string());
    Request {
        file,
        n: or("4").parse().expect("IMAGES"),
        seed: or("0").parse().expect("SEED"),
        temperature: or("1").parse().expect("TEMPERATURE"),
        class: or("-").parse().ok(),
        picture: std::fs::read(or("")).ok(),
    }
}

impl Request {
    /// The classes of the images; prior is the metadata's list.
    pub fn classes(&self, prior: &str) -> Vec<i64> {
        let prior: Vec<f64> = prior.trim_matches(['[', ']']).split(',').map(|p| p.parse().expect("a probability")).collect();
        let drawn = |i| draw_class(&prior, uniforms(self.seed, (1 << 62) + i, 1)[0]) as i64;
        (0..self.n as u64).map(|i| self.class.unwrap_or_else(|| drawn(i))).collect()
    }

    /// Of each pixel of each image, whether it is kept.
    pub fn keep(&self, height: usize, width: usize) -> Vec<bool> {
        (0..self.n * height * width).map(|k| k / width % height < height / 2).collect()
    }

    /// Writes the levels, and tells of them.
    pub fn done(&self, levels: &[u8], logprob: f32, height: usize, width: usize, seconds: f64) {
        std::fs::write("levels.raw", levels).expect("levels.raw");
        println!("{} images of {height}x{width} in {seconds:.2} s, the first with {logprob:.1} nats", self.n);
    }
}
