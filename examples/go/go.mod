module draw

go 1.25

require github.com/yalue/onnxruntime_go v1.27.0
