package kernel

import "unsafe"

func add(dst, a, b []float32) {
	if !hasAVX2 {
		apply2(dst, a, b, add1)
		return
	}
	if n := len(dst) &^ 15; hasAVX512 && n > 0 {
		addAVX512(unsafe.SliceData(dst), unsafe.SliceData(a), unsafe.SliceData(b), n)
		if dst, a, b = dst[n:], a[n:], b[n:]; len(dst) == 0 {
			return
		}
	}
	addAVX2(unsafe.SliceData(dst), unsafe.SliceData(a), unsafe.SliceData(b), len(dst))
}

func sub(dst, a, b []float32) {
	if !hasAVX2 {
		apply2(dst, a, b, sub1)
		return
	}
	if n := len(dst) &^ 15; hasAVX512 && n > 0 {
		subAVX512(unsafe.SliceData(dst), unsafe.SliceData(a), unsafe.SliceData(b), n)
		if dst, a, b = dst[n:], a[n:], b[n:]; len(dst) == 0 {
			return
		}
	}
	subAVX2(unsafe.SliceData(dst), unsafe.SliceData(a), unsafe.SliceData(b), len(dst))
}

func mul(dst, a, b []float32) {
	if !hasAVX2 {
		apply2(dst, a, b, mul1)
		return
	}
	if n := len(dst) &^ 15; hasAVX512 && n > 0 {
		mulAVX512(unsafe.SliceData(dst), unsafe.SliceData(a), unsafe.SliceData(b), n)
		if dst, a, b = dst[n:], a[n:], b[n:]; len(dst) == 0 {
			return
		}
	}
	mulAVX2(unsafe.SliceData(dst), unsafe.SliceData(a), unsafe.SliceData(b), len(dst))
}

func div(dst, a, b []float32) {
	if !hasAVX2 {
		apply2(dst, a, b, div1)
		return
	}
	divAVX2(unsafe.SliceData(dst), unsafe.SliceData(a), unsafe.SliceData(b), len(dst))
}

func larger(dst, a, b []float32) {
	if !hasAVX2 {
		apply2(dst, a, b, larger1)
		return
	}
	maxAVX2(unsafe.SliceData(dst), unsafe.SliceData(a), unsafe.SliceData(b), len(dst))
}

func smaller(dst, a, b []float32) {
	if !hasAVX2 {
		apply2(dst, a, b, smaller1)
		return
	}
	minAVX2(unsafe.SliceData(dst), unsafe.SliceData(a), unsafe.SliceData(b), len(dst))
}

func relu(dst, a []float32) {
	if !hasAVX2 {
		apply(dst, a, relu1)
		return
	}
	reluAVX2(unsafe.SliceData(dst), unsafe.SliceData(a), len(dst))
}

func sqrt(dst, a []float32) {
	if !hasAVX2 {
		apply(dst, a, sqrt1)
		return
	}
	sqrtAVX2(unsafe.SliceData(dst), unsafe.SliceData(a), len(dst))
}

func exp(dst, a []float32) {
	if !hasAVX2 {
		apply(dst, a, exp1)
		return
	}
	if n := len(dst) &^ 15; hasAVX512 && n > 0 {
		expAVX512(unsafe.SliceData(dst), unsafe.SliceData(a), n)
		if dst, a = dst[n:], a[n:]; len(dst) == 0 {
			return
		}
	}
	expAVX2(unsafe.SliceData(dst), unsafe.SliceData(a), len(dst))
}

func elu(dst, a []float32) {
	if !hasAVX2 {
		apply(dst, a, elu1)
		return
	}
	if n := len(dst) &^ 15; hasAVX512 && n > 0 {
		eluAVX512(unsafe.SliceData(dst), unsafe.SliceData(a), n)
		if dst, a = dst[n:], a[n:]; len(dst) == 0 {
			return
		}
	}
	eluAVX2(unsafe.SliceData(dst), unsafe.SliceData(a), len(dst))
}

func erf(dst, a []float32) {
	if !hasAVX2 {
		apply(dst, a, erf1)
		return
	}
	if n := len(dst) &^ 15; hasAVX512 && n > 0 {
		erfAVX512(unsafe.SliceData(dst), unsafe.SliceData(a), n)
		if dst, a = dst[n:], a[n:]; len(dst) == 0 {
			return
		}
	}
	erfAVX2(unsafe.SliceData(dst), unsafe.SliceData(a), len(dst))
}

func sigmoid(dst, a []float32) {
	if !hasAVX2 {
		apply(dst, a, sigmoid1)
		return
	}
	if n := len(dst) &^ 15; hasAVX512 && n > 0 {
		sigmoidAVX512(unsafe.SliceData(dst), unsafe.SliceData(a), n)
		if dst, a = dst[n:], a[n:]; len(dst) == 0 {
			return
		}
	}
	sigmoidAVX2(unsafe.SliceData(dst), unsafe.SliceData(a), len(dst))
}

func tanh(dst, a []float32) {
	if !hasAVX2 {
		apply(dst, a, tanh1)
		return
	}
	if n := len(dst) &^ 15; hasAVX512 && n > 0 {
		tanhAVX512(unsafe.SliceData(dst), unsafe.SliceData(a), n)
		if dst, a = dst[n:], a[n:]; len(dst) == 0 {
			return
		}
	}
	tanhAVX2(unsafe.SliceData(dst), unsafe.SliceData(a), len(dst))
}
