// All that the panels take from the page's shell: one place to change when the shell does.
export { html, useState, useEffect, useRef } from "../ui.js";
