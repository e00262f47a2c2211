package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"pixelcnn/sampler"
)

// apiError is an error in the form that clients of the API know.
type apiError struct {
	status int
	retry  int // seconds after which to try again; 0: not said

	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

func (e *apiError) Error() string { return e.Message }

// newError makes an error; param and code are left out where they are empty.
func newError(status int, kind, param, code, format string, args ...any) *apiError {
	e := &apiError{status: status, Type: kind, Message: fmt.Sprintf(format, args...)}
	if param != "" {
		e.Param = &param
	}
	if code != "" {
		e.Code = &code
	}
	return e
}

const (
	invalidRequest = "invalid_request_error"
	serverError    = "server_error"
)

// invalid is an error about a field of a request.
func invalid(param, format string, args ...any) *apiError {
	return newError(http.StatusBadRequest, invalidRequest, param, "invalid_value", format, args...)
}

// later is e, with the advice to try again after so many seconds.
func (e *apiError) later(seconds int) *apiError {
	e.retry = seconds
	return e
}

func busy() *apiError {
	return newError(http.StatusTooManyRequests, "rate_limit_error", "", "queue_full", "too many requests are waiting; try again later").later(1)
}

func notReady() *apiError {
	return newError(http.StatusServiceUnavailable, serverError, "", "loading", "the models are being loaded; try again in a moment").later(1)
}

func draining() *apiError {
	return newError(http.StatusServiceUnavailable, serverError, "", "draining", "the server is about to stop").later(5)
}

func noModel(name string) *apiError {
	return newError(http.StatusNotFound, invalidRequest, "model", "model_not_found", "there is no model %q", name)
}

// explained is an error as a client is told it.
func explained(err error) *apiError {
	var own *apiError
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &long):
		return newError(http.StatusRequestEntityTooLarge, invalidRequest, "", "too_large", "the request has more than %d bytes", long.Limit)
	case errors.Is(err, sampler.ErrConfig):
		return newError(http.StatusBadRequest, invalidRequest, "", "invalid_value", "%s", strings.TrimPrefix(err.Error(), sampler.ErrConfig.Error()+": "))
	case errors.Is(err, context.DeadlineExceeded):
		return newError(http.StatusServiceUnavailable, serverError, "", "timeout", "it took too long")
	case errors.Is(err, context.Canceled), errors.Is(err, sampler.ErrClosed):
		return draining()
	}
	return newError(http.StatusInternalServerError, serverError, "", "", "the model cannot be drawn from: %v", err)
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, err error) {
	e := explained(err)
	if e.retry > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(e.retry))
	}
	if e.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	answer(w, e.status, map[string]any{"error": e})
}

// answer writes JSON.
func answer(w http.ResponseWriter, status int, value any) {
	b, err := json.Marshal(value)
	if err != nil { // the values are our own, and their numbers finite
		status, b = http.StatusInternalServerError, []byte(`{"error":{"message":"the answer is no JSON","type":"server_error","param":null,"code":null}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}
