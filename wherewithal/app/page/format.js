// Numbers for people: three digits at most, a unit, a thousands separator.
const PREFIX = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

export function number(value, digits = 3) {
  if (value == null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1000) {
    const step = 10 ** Math.max(Math.floor(Math.log10(size)) - digits + 1, 0);
    return (Math.round(value / step) * step).toLocaleString("en");
  }
  return String(Number(value.toPrecision(digits)));
}

export function scaled(value, unit) {
  const [size, prefix] = PREFIX.find(([s]) => Math.abs(value) >= s) || [1, ""];
  return `${number(value / size)} ${prefix}${unit}`;
}

export function seconds(value) {
  if (value == null) return "–";
  if (value >= 1) return `${number(value, 2)} s`;
  return value >= 1e-3 ? `${number(value * 1e3, 2)} ms` : `${number(value * 1e6, 2)} µs`;
}

export function percent(share, digits = 2) {
  return `${number(share * 100, digits)}%`;
}

export function csv(rows) {
  if (!rows.length) return "";
  const cell = (value) => {
    if (typeof value === "number") return String(value);
    const text = String(value ?? "");
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const names = Object.keys(rows[0]);
  return [names.join(","), ...rows.map((row) => names.map((name) => cell(row[name])).join(","))].join("\r\n") + "\r\n";
}

export function save(name, text, type = "text/csv") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
