// The address is the state: every field of a question is a readable key, so a link or the back button is the whole question.
export function read() {
  const found = Object.fromEntries(new URLSearchParams(location.search));
  const state = { ...found, q: found.q || "plan" };
  // A link may say slo=ttft=2s,tpot=50ms (or with colons), which are two fields of the plan.
  if (state.q === "plan" && state.slo) {
    for (const part of state.slo.split(",")) {
      const [name, limit] = part.split(/[=:]/);
      if (["ttft", "tpot"].includes(name)) state[name] = limit;
    }
    delete state.slo;
  }
  return state;
}

export function address(state) {
  const said = Object.entries(state).filter(([, value]) => value !== "" && value != null);
  const query = new URLSearchParams(said).toString().replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%3D", "=");
  return `${location.pathname}?${query}`;
}

// While typing the entry is replaced; what is submitted becomes one that Back returns to.
export function write(state, { push = false } = {}) {
  const target = address(state);
  if (target !== location.pathname + location.search) history[push ? "pushState" : "replaceState"](null, "", target);
}
