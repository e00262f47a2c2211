package dataset

import (
	"bytes"
	"encoding/binary"
	"image"
)

// orientation is the Exif orientation that a file of a format says it has, 1 to 8: where in the
// upright picture its first row and column lie. It is 1, upright, where it says none.
//
// Exif 2.32, section 4.6.4, tag 0x0112. The tag stands in a directory of TIFF, which is all of a TIFF
// file, and of the others a part: the segment APP1 of a JPEG file, the chunk eXIf of a PNG file
// (PNG third edition, section 11.3.4.6), the chunk EXIF of a WebP file.
func orientation(format string, file []byte) int {
	switch format {
	case "jpeg":
		file = jpegExif(file)
	case "png":
		file = pngExif(file)
	case "webp":
		file = webpExif(file)
	case "tiff":
	default:
		return 1
	}
	return exifOrientation(bytes.TrimPrefix(file, []byte(exifStart)))
}

const exifStart = "Exif\x00\x00"

// jpegExif is the Exif segment of a JPEG file; nil for none. It stands before the first scan.
func jpegExif(file []byte) []byte {
	for at := 2; at+4 <= len(file) && file[at] == 0xff && file[at+1] != 0xda; {
		if file[at+1] == 0xff { // a filler
			at++
			continue
		}
		end := at + 2 + int(binary.BigEndian.Uint16(file[at+2:]))
		if end < at+4 || end > len(file) {
			return nil
		}
		if file[at+1] == 0xe1 && bytes.HasPrefix(file[at+4:end], []byte(exifStart)) {
			return file[at+4 : end]
		}
		at = end
	}
	return nil
}

// pngExif is the Exif chunk of a PNG file; nil for none. A chunk is a length, a name, so many bytes
// and a checksum.
func pngExif(file []byte) []byte {
	for at := 8; at+8 <= len(file); {
		content := file[at+8:]
		n := binary.BigEndian.Uint32(file[at:])
		if int64(n) > int64(len(content)) {
			return nil
		}
		if string(file[at+4:at+8]) == "eXIf" {
			return content[:n]
		}
		at += 12 + int(n)
	}
	return nil
}

// webpExif is the Exif chunk of a WebP file; nil for none. A chunk is a name, a length, so many bytes
// and one more where they are odd.
func webpExif(file []byte) []byte {
	for at := 12; at+8 <= len(file); {
		content := file[at+8:]
		n := binary.LittleEndian.Uint32(file[at+4:])
		if int64(n) > int64(len(content)) {
			return nil
		}
		if string(file[at:at+4]) == "EXIF" {
			return content[:n]
		}
		at += 8 + int(n+n%2)
	}
	return nil
}

// exifOrientation is the orientation that the first directory of TIFF data has.
func exifOrientation(tiff []byte) int {
	if o := tiffTag(tiff, 0x0112); o >= 1 && o <= 8 {
		return o
	}
	return 1
}

// turnedRound tells whether a TIFF file is a fax whose white runs are black: those of T.4 and T.6 where black is said
// to be zero, TIFF 6.0, section 11. The decoder makes them white.
func turnedRound(tiff []byte) bool {
	const compression, photometric, blackIsZero, t4, t6 = 0x0103, 0x0106, 1, 3, 4
	c := tiffTag(tiff, compression)
	return (c == t4 || c == t6) && tiffTag(tiff, photometric) == blackIsZero
}

// tiffTag is the number that the first directory of TIFF data has under a tag; 0 where it has none.
func tiffTag(tiff []byte, tag uint16) int {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(tiff, []byte("II*\x00")):
		order = binary.LittleEndian
	case bytes.HasPrefix(tiff, []byte("MM\x00*")):
		order = binary.BigEndian
	default:
		return 0
	}
	if len(tiff) < 8 || uint64(order.Uint32(tiff[4:]))+2 > uint64(len(tiff)) {
		return 0
	}
	directory := tiff[order.Uint32(tiff[4:]):]
	entries := directory[2:]
	for range order.Uint16(directory) {
		if len(entries) < 12 {
			return 0
		}
		const short, long = 3, 4
		if order.Uint16(entries) == tag {
			switch order.Uint16(entries[2:]) {
			case short:
				return int(order.Uint16(entries[8:]))
			case long:
				return int(order.Uint32(entries[8:]))
			}
			return 0
		}
		entries = entries[12:]
	}
	return 0
}

// upright turns a plane of an orientation as it is to be seen.
func upright(plane *image.Gray, orientation int) *image.Gray {
	if orientation == 1 {
		return plane
	}
	w, h := plane.Rect.Dx(), plane.Rect.Dy()
	across, down := 1, w // from a pixel to the next one, in the upright picture's rows and columns
	width, height := w, h
	if orientation >= 5 { // the first row is a column
		across, down = w, 1
		width, height = h, w
	}
	first := 0
	if orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7 { // right is left
		first += (width - 1) * across
		across = -across
	}
	if orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8 { // bottom is top
		first += (height - 1) * down
		down = -down
	}
	out := image.NewGray(image.Rect(0, 0, width, height))
	for y := range height {
		row := out.Pix[y*width : (y+1)*width]
		from := first + y*down
		for x := range row {
			row[x] = plane.Pix[from]
			from += across
		}
	}
	return out
}
