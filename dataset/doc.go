// Package dataset turns pictures into the small arrays of levels that a PixelCNN
// learns from: it finds, fetches and checks the data, shrinks each picture to a
// square, quantises it and deals out batches.
//
// [Load] reads a data set in the IDX files of MNIST and its relatives. With no
// folder given it looks for Fashion-MNIST where [Fetch] and Debian's package
// dataset-fashion-mnist put it:
//
//	set, err := dataset.Load(ctx, "", dataset.Options{Size: 16, Levels: 4})
//	if errors.Is(err, dataset.ErrNotFound) {
//		_, err = dataset.Fetch(ctx, dataset.FetchOptions{Logf: log.Printf})
//		…
//	}
//
// Nothing is fetched unless [Fetch] is called. [LoadPart] reads the training or the test
// images alone, and needs only their files. [LoadImages] reads a folder of pictures instead, in which sub-folders are
// classes, and [ReadPicture] reads one.
//
// Either way the result is a [Set]: three [Split]s, whose Pixels hold one level of
// 0 to Levels−1 per pixel, [N,Size,Size] in one slice, and what a model file records
// about its data (name, checksum, preprocessing).
//
// Training walks a split in an order that depends on nothing but the seed and the
// epoch, so a run that was stopped goes on where it was:
//
//	order := set.Train.Order(seed, epoch)
//	batches, err := set.Train.Batches(order[done:], 128)
//	for b := range batches {
//		step(b.Pixels, b.Labels) // valid until the next batch
//	}
//
// # From pictures to levels
//
// A picture that is not square loses the ends of its longer side. The square is
// resized by the triangle filter: output o averages the inputs i around it with
// weights max(0, 1−|i+½−c|/s), c = (o+½)·s, s = max(1, n/Size), divided by their sum.
// That is bilinear interpolation with antialiasing, as image libraries do it, but
// nothing is rounded on the way: the weights are rational numbers, so the level
// ⌊v·Levels/256⌋ is computed in whole numbers, exactly and alike on every machine.
//
// With [BilinearNoAntialias], output o is interpolated between the two inputs next to
// c = (o+½)·n/Size − ½ alone, whatever n, as TensorFlow's tf.image.resize does it unless
// told otherwise: fine detail is aliased. That too is exact. From 28 to 16 pixels
// TensorFlow's float32 is as well, so the levels are the same as those of
//
//	(tf.image.resize(images, (16, 16)) / (256 / levels)).astype(int)
//
// # Files from strangers
//
// What a file says of itself is compared with [Limits], and with how long the file is,
// before anything of that size is allocated; so a few bytes cannot ask for gigabytes, nor a
// picture for minutes. [Options].Limits and [PictureOptions].Limits change them, and so do the methods
// of Limits that have a function's name:
//
//	images, err := dataset.Limits{FileBytes: 1 << 20}.ReadImages(file, "images-idx3-ubyte")
//
// # Errors
//
// They name the file or the setting. Each wraps one of these, which errors.Is and errors.As
// tell apart:
//
//   - [ErrNotFound]: no place holds the data set;
//   - [ErrFetch]: none of the places to fetch it from gave it;
//   - [ErrFormat]: a file's content is damaged or of another kind;
//   - [ErrChecksum]: a file is whole and not the one that it should be;
//   - [ErrLimit], a [*LimitError]: a file or a set is larger than [Limits] allow;
//   - [*BadPicturesError]: pictures of a folder that cannot be used, each with its error;
//   - [*FolderError]: a folder is missing or does not hold what it should;
//   - [ErrNotRegular]: a folder, a device or a pipe in a file's place;
//   - [ErrOptions], [ErrLimits]: [Options], other arguments or Limits make no sense;
//   - context.Canceled and context.DeadlineExceeded, and [*fs.PathError] of files that cannot
//     be read.
//
// # Checksums
//
// Checksums are of a file's content without its compression: the .gz files of
// different distributors differ in their headers only. A set's SHA256 is the SHA-256 of
// the listing that sha256sum prints for its files, sorted by name. [LoadPart] does not read
// all of them, so it gives none.
package dataset
