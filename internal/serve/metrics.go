package serve

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
)

// metrics are what /metrics tells.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec   // by route and status
	seconds  *prometheus.HistogramVec // of a request, by route
	images   *prometheus.CounterVec   // drawn, by model
	scored   *prometheus.CounterVec   // pictures, by model
	batch    prometheus.Histogram     // images of a batch
	step     prometheus.Histogram     // seconds
	first    prometheus.Histogram     // seconds to a request's first image
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "pixelcnn", Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Namespace: "pixelcnn", Name: name, Help: help, Buckets: buckets}
	}
	times := prometheus.ExponentialBuckets(0.0005, 2, 18) // to a minute
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: counter("requests_total", "Requests, by route and status.", "route", "code"),
		seconds:  prometheus.NewHistogramVec(histogram("request_seconds", "How long requests took.", times), []string{"route"}),
		images:   counter("images_total", "Images drawn for requests that were answered.", "model"),
		scored:   counter("scored_total", "Pictures scored.", "model"),
		batch:    prometheus.NewHistogram(histogram("batch_images", "Images of a batch, candidates included.", prometheus.ExponentialBuckets(1, 2, 9))),
		step:     prometheus.NewHistogram(histogram("step_seconds", "How long a step of a batch took.", prometheus.ExponentialBuckets(1e-6, 2, 20))),
		first:    prometheus.NewHistogram(histogram("first_image_seconds", "Time from a request to its first image.", times)),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.images, m.scored, m.batch, m.step, m.first,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// watch adds what a queue has now.
func (m *metrics) watch(q *queue) {
	gauge := func(name, help string, of *int) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "pixelcnn", Name: name, Help: help}, func() float64 {
			q.mu.Lock()
			defer q.mu.Unlock()
			return float64(*of)
		}))
	}
	gauge("queue_requests", "Requests that wait or are under way.", &q.jobs)
	gauge("queue_images", "Images that wait.", &q.waiting)
	gauge("batches", "Batches that are being drawn.", &q.busy)
}

// write answers GET /metrics, in Prometheus's text format. (promhttp would do it, with
// compressors that are as large as all else of it.)
func (m *metrics) write(w http.ResponseWriter, _ *http.Request) error {
	families, err := m.registry.Gather()
	if err != nil {
		return err
	}
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	w.Header().Set("Content-Type", string(format))
	encoder := expfmt.NewEncoder(w, format)
	for _, f := range families {
		if err := encoder.Encode(f); err != nil {
			return err
		}
	}
	return nil
}

// request notes a request that was answered.
func (m *metrics) request(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

// steps times the steps of one draw, of which it is told one after the other.
func (m *metrics) steps() func(done, all int) {
	last := time.Now()
	return func(int, int) {
		now := time.Now()
		m.step.Observe(now.Sub(last).Seconds())
		last = now
	}
}
