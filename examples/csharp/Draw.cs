// Draws the images of `sampler --seed SEED` from a one-file sampler into levels.raw, uint8 [images, height, width].
//
//   dotnet run -c Release -- pixelcnn.sampler.onnx [IMAGES [SEED [TEMPERATURE [CLASS [PICTURE]]]]]
//
// See ../README.md.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Numerics;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

static class Draw
{
    static readonly BigInteger Mul = BigInteger.Parse("2360ed051fc65da44385df649fccf645", NumberStyles.HexNumber);
    static readonly BigInteger Inc = BigInteger.Parse("5851f42d4c957f2d14057b7ef767814f", NumberStyles.HexNumber);
    static readonly BigInteger Low64 = ulong.MaxValue, Low128 = (BigInteger.One << 128) - 1;

    // The first n of Go's rand.New(rand.NewPCG(seed, stream)).Float64().
    static IEnumerable<double> Uniforms(ulong seed, ulong stream, int n)
    {
        BigInteger state = ((BigInteger)seed << 64) | stream;
        for (int k = 0; k < n; k++)
        {
            state = (state * Mul + Inc) & Low128;
            ulong hi = (ulong)(state >> 64), lo = (ulong)(state & Low64);
            hi = unchecked((hi ^ (hi >> 32)) * 0xda942042e4dd58b5);
            hi = unchecked((hi ^ (hi >> 48)) * (lo | 1));
            yield return (hi & ((1UL << 53) - 1)) / (double)(1UL << 53);
        }
    }

    // The first class up to which the probabilities add up to more than u.
    static long DrawClass(double[] prior, double u)
    {
        double sum = 0;
        for (int k = 0; k < prior.Length; k++)
            if ((sum += prior[k]) > u && prior[k] > 0) return k;
        return Array.FindLastIndex(prior, p => p > 0);
    }

    static void Main(string[] args)
    {
        string[] a = args.Concat(new[] { "4", "0", "1", "-", "" }.Skip(args.Length - 1)).ToArray();
        int n = int.Parse(a[1]);
        ulong seed = ulong.Parse(a[2]);
        var options = new SessionOptions { IntraOpNumThreads = 1 }; // the operators are small
        var session = new InferenceSession(a[0], options);
        Dictionary<string, string> metadata = session.ModelMetadata.CustomMetadataMap;
        int height = int.Parse(metadata["pixelcnn.height"]), width = int.Parse(metadata["pixelcnn.width"]), pixels = height * width;
        int[] shape = { n, height, width };
        double[] coins = Enumerable.Range(0, n).SelectMany(i => Uniforms(seed, (ulong)i, pixels)).ToArray();
        double[] temperature = { double.Parse(a[3], CultureInfo.InvariantCulture) };
        var inputs = new List<NamedOnnxValue>
        {
            NamedOnnxValue.CreateFromTensor("uniforms", new DenseTensor<double>(coins, shape)),
            NamedOnnxValue.CreateFromTensor("temperature", new DenseTensor<double>(temperature, new[] { 1 })),
        };
        if (metadata.ContainsKey("pixelcnn.label"))
        {
            double[] prior = metadata["pixelcnn.class_prior"].Trim('[', ']').Split(',').Select(p => double.Parse(p, CultureInfo.InvariantCulture)).ToArray();
            long[] label = Enumerable.Range(0, n).Select(i =>
                a[4] == "-" ? DrawClass(prior, Uniforms(seed, (1UL << 62) + (ulong)i, 1).First()) : long.Parse(a[4])).ToArray();
            inputs.Add(NamedOnnxValue.CreateFromTensor("label", new DenseTensor<long>(label, new[] { n })));
        }
        if (a[5] != "") // its upper half is kept
        {
            byte[] picture = File.ReadAllBytes(a[5]);
            byte[] init = Enumerable.Range(0, n * pixels).Select(k => picture[k % pixels]).ToArray();
            bool[] keep = Enumerable.Range(0, n * pixels).Select(k => k / width % height < height / 2).ToArray();
            inputs.Add(NamedOnnxValue.CreateFromTensor("init", new DenseTensor<byte>(init, shape)));
            inputs.Add(NamedOnnxValue.CreateFromTensor("keep", new DenseTensor<bool>(keep, shape)));
        }
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var results = session.Run(inputs).ToDictionary(r => r.Name);
        string seconds = clock.Elapsed.TotalSeconds.ToString("F2", CultureInfo.InvariantCulture);
        string nats = results["logprob"].AsTensor<float>()[0].ToString("F1", CultureInfo.InvariantCulture);
        Console.WriteLine($"{n} images of {height}x{width} in {seconds} s, the first with {nats} nats");
        File.WriteAllBytes("levels.raw", results["levels"].AsTensor<byte>().ToArray());
    }
}
