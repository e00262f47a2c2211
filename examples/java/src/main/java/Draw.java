// Draws the images of `sampler --seed SEED` from a one-file sampler into levels.raw, uint8 [images, height, width].
//
//   mvn -q compile exec:java -Dexec.args="pixelcnn.sampler.onnx [IMAGES [SEED [TEMPERATURE [CLASS [PICTURE]]]]]"
//
// See ../../../../README.md.
import ai.onnxruntime.*;
import java.math.BigInteger;
import java.nio.*;
import java.nio.file.*;
import java.util.*;

public class Draw {
    static final BigInteger MUL = new BigInteger("2360ed051fc65da44385df649fccf645", 16);
    static final BigInteger INC = new BigInteger("5851f42d4c957f2d14057b7ef767814f", 16);

    /** The first n of Go's rand.New(rand.NewPCG(seed, stream)).Float64(). */
    static double[] uniforms(long seed, long stream, int n) {
        BigInteger state = new BigInteger(Long.toUnsignedString(seed)).shiftLeft(64).add(BigInteger.valueOf(stream));
        double[] out = new double[n];
        for (int k = 0; k < n; k++) {
            state = state.multiply(MUL).add(INC).mod(BigInteger.ONE.shiftLeft(128));
            long hi = state.shiftRight(64).longValue(), lo = state.longValue();
            hi = (hi ^ hi >>> 32) * 0xda942042e4dd58b5L;
            hi = (hi ^ hi >>> 48) * (lo | 1);
            out[k] = (hi & (1L << 53) - 1) / 0x1p53;
        }
        return out;
    }

    /** The first class up to which the probabilities add up to more than u. */
    static int drawClass(double[] prior, double u) {
        double sum = 0;
        int last = 0;
        for (int k = 0; k < prior.length; k++) {
            sum += prior[k];
            if (prior[k] > 0 && u < sum) return k;
            if (prior[k] > 0) last = k;
        }
        return last;
    }

    public static void main(String[] args) throws Exception {
        List<String> a = new ArrayList<>(List.of(args));
        a.addAll(List.of("4", "0", "1", "-", "").subList(a.size() - 1, 5));
        int n = Integer.parseInt(a.get(1));
        long seed = Long.parseUnsignedLong(a.get(2));
        OrtEnvironment env = OrtEnvironment.getEnvironment();
        OrtSession.SessionOptions options = new OrtSession.SessionOptions();
        options.setIntraOpNumThreads(1); // the operators are small
        OrtSession session = env.createSession(a.get(0), options);
        Map<String, String> metadata = session.getMetadata().getCustomMetadata();
        int height = Integer.parseInt(metadata.get("pixelcnn.height")), width = Integer.parseInt(metadata.get("pixelcnn.width"));
        long[] shape = {n, height, width};
        DoubleBuffer coins = DoubleBuffer.allocate(n * height * width);
        for (int i = 0; i < n; i++) coins.put(uniforms(seed, i, height * width));
        Map<String, OnnxTensor> inputs = new HashMap<>();
        inputs.put("uniforms", OnnxTensor.createTensor(env, coins.flip(), shape));
        inputs.put("temperature", OnnxTensor.createTensor(env, new double[] {Double.parseDouble(a.get(3))}));
        if (metadata.containsKey("pixelcnn.label")) {
            String numbers = metadata.get("pixelcnn.class_prior").replaceAll("[\\[\\]]", "");
            double[] prior = Arrays.stream(numbers.split(",")).mapToDouble(Double::parseDouble).toArray();
            long[] label = new long[n];
            for (int i = 0; i < n; i++)
                label[i] = a.get(4).equals("-") ? drawClass(prior, uniforms(seed, (1L << 62) + i, 1)[0]) : Long.parseLong(a.get(4));
            inputs.put("label", OnnxTensor.createTensor(env, label));
        }
        if (!a.get(5).isEmpty()) { // its upper half is kept
            byte[] picture = Files.readAllBytes(Path.of(a.get(5)));
            ByteBuffer init = ByteBuffer.allocateDirect(n * picture.length);
            boolean[][][] keep = new boolean[n][height][width];
            for (int i = 0; i < n; i++) {
                init.put(picture);
                for (int y = 0; y < height / 2; y++) Arrays.fill(keep[i][y], true);
            }
            inputs.put("init", OnnxTensor.createTensor(env, init.flip(), shape, OnnxJavaType.UINT8)); // byte[][][] would be int8
            inputs.put("keep", OnnxTensor.createTensor(env, keep)); // of booleans there are arrays only, no buffers
        }
        long began = System.nanoTime();
        OrtSession.Result results = session.run(inputs);
        double seconds = (System.nanoTime() - began) / 1e9;
        float[] logprob = (float[]) results.get("logprob").get().getValue();
        System.out.printf(Locale.ROOT, "%d images of %dx%d in %.2f s, the first with %.1f nats%n", n, height, width, seconds, logprob[0]);
        byte[] levels = new byte[n * height * width];
        ((OnnxTensor) results.get("levels").get()).getByteBuffer().get(levels);
        Files.write(Path.of("levels.raw"), levels);
    }
}
