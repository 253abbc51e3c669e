// The panel Predict: one exact layout under one exact load.
import { Answer } from "./plan.js";
import { DEFAULTS, asked, fields } from "./serving.js";

export default {
  id: "predict", title: "Predict", defaults: { ...DEFAULTS, layout: "tp2", concurrency: "32", on: "h100-8:2" }, Answer,
  asked: (state) => ({ ...asked(state), layout: state.layout }),
  fields: (meta) => [
    { key: "model", label: "Model", options: meta.models }, { key: "on", label: "System", options: meta.systems, hint: "NAME or NAME:CHIPS" },
    { key: "layout", label: "Layout", hint: "tp8 ep8, or prefill: 4x tp8; decode: 1x dp32 ep32" }, ...fields(meta),
  ],
};
