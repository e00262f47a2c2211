package signature

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pixelcnn/internal/format"
	"pixelcnn/internal/likelihood"
)

// readClasses finds the classes of a class-conditional model, and their probabilities.
func (s *Signature) readClasses() error {
	if l := s.Meta.Label; l != "" && l != s.ClassInput {
		return fmt.Errorf("%w: its metadata say that its label is input %q, which it is not", ErrModel, format.Cut(l))
	}
	if s.classInput == nil {
		return nil
	}
	n := s.classInput.classes(s.model.Graph)
	switch {
	case n == 0:
		n = len(s.Meta.Classes)
	case len(s.Meta.Classes) > 0 && len(s.Meta.Classes) != n:
		return fmt.Errorf("%w: its metadata name %d classes, its class input %q has %d", ErrModel, len(s.Meta.Classes), s.ClassInput, n)
	}
	if n == 0 {
		return nil
	}
	if n < 0 || n > maxClasses {
		return fmt.Errorf("%w: its class input %q has %d classes, must have up to %d", ErrModel, s.ClassInput, n, maxClasses)
	}
	s.Classes = s.Meta.Classes
	for k := len(s.Classes); k < n; k++ {
		s.Classes = append(s.Classes, strconv.Itoa(k))
	}
	if s.Prior = s.Meta.ClassPrior; s.Prior == nil {
		s.Prior = slices.Repeat([]float64{1 / float64(n)}, n)
	}
	return nil
}

// maxClasses bounds the number of classes.
const maxClasses = 1 << 16

// Class is the number of the class of that name or number. Upper and lower case are the same. A
// part of a name is enough where only one class has it, or only one begins with it: "boot" is
// "Ankle boot", and "shirt" is "Shirt" though "T-shirt/top" contains it too. The error wraps
// [ErrConfig].
func (s *Signature) Class(name string) (int, error) {
	if s.ClassInput == "" {
		return 0, ErrNoClasses
	}
	if class, ok := s.ClassNamed(name); ok {
		return class, nil
	}
	text := strings.ToLower(strings.TrimSpace(name))
	if text == "" {
		return 0, fmt.Errorf("%w: the class has no name", ErrConfig)
	}
	for _, fits := range []func(name, text string) bool{strings.HasPrefix, strings.Contains} {
		var found []string
		class := 0
		for k, candidate := range s.Classes {
			if fits(strings.ToLower(candidate), text) {
				class = k
				found = append(found, candidate)
			}
		}
		switch {
		case len(found) == 1:
			return class, nil
		case len(found) > 1:
			return 0, fmt.Errorf("%w: class %q could be any of %s", ErrConfig, name, format.Cut(fmt.Sprintf("%q", found)))
		}
	}
	if s.Classes == nil {
		return 0, fmt.Errorf("%w: class is %q, must be a number: the model does not name its classes", ErrConfig, name)
	}
	return 0, fmt.Errorf("%w: no class is %q; the model has %s, or 0 to %d", ErrConfig, name, format.Cut(fmt.Sprintf("%q", s.Classes)), len(s.Classes)-1)
}

// ClassNamed is [Signature.Class] for whole names and numbers only.
func (s *Signature) ClassNamed(name string) (class int, ok bool) {
	name = strings.TrimSpace(name)
	count := 0
	for k, candidate := range s.Classes {
		if strings.EqualFold(candidate, name) {
			class = k
			count++
		}
	}
	if count == 1 {
		return class, true
	}
	class, err := strconv.Atoi(name)
	return class, err == nil && s.CheckClass(class) == nil
}

// ErrNoClasses is the error of a model without classes where a class is asked for.
var ErrNoClasses = fmt.Errorf("%w: the model has no classes", ErrConfig)

// CheckClass validates the number of a class.
func (s *Signature) CheckClass(class int) error {
	switch {
	case s.ClassInput == "":
		return ErrNoClasses
	case class < 0 || s.Classes != nil && class >= len(s.Classes):
		if s.Classes == nil {
			return fmt.Errorf("%w: class is %d, must not be negative", ErrConfig, class)
		}
		return fmt.Errorf("%w: class is %d, must be from 0 to %d", ErrConfig, class, len(s.Classes)-1)
	}
	return nil
}

// CheckClasses validates the classes that a config or a request lists.
func (s *Signature) CheckClasses(list []int) error {
	for _, class := range list {
		if err := s.CheckClass(class); err != nil {
			return err
		}
	}
	return nil
}

// CheckDrawn tells whether there is a class for each image.
func (s *Signature) CheckDrawn(list []int) error {
	if len(list) == 0 && s.ClassInput != "" && s.Classes == nil {
		return fmt.Errorf("%w: the model has classes but does not tell how many: say which to draw", ErrConfig)
	}
	return nil
}

// SumOut turns log-probabilities given each class, [n, classes], into
// log Σ p(class)·p(image | class), [n].
func (s *Signature) SumOut(byClass []float64) []float64 {
	n := len(s.Prior)
	out := make([]float64, len(byClass)/max(1, n))
	for i := range out {
		out[i] = likelihood.LogSumExp(byClass[i*n:(i+1)*n], s.Prior)
	}
	return out
}
