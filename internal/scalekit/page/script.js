"use strict";
const said = document.getElementById("said");
// A browser gives the clipboard only to https and to this machine. On other pages, the script selects
// the text in a field and copies the selection.
function copy(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "offscreen";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  return copied ? Promise.resolve() : Promise.reject(new Error("the browser does not allow the script to copy"));
}
for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  let timer = 0;
  button.addEventListener("click", () => {
    copy(button.dataset.text).then(() => {
      button.classList.add("done");
      said.textContent = "Copied";
    }, () => { said.textContent = "The browser does not allow this page to copy. Select the text and copy it."; });
    clearTimeout(timer);
    timer = setTimeout(() => { button.classList.remove("done"); said.textContent = ""; }, 2000);
  });
}
const client = document.getElementById("mint-client");
if (client) {
  const show = () => {
    const data = client.selectedOptions[0].dataset;
    for (const name of ["scopes", "audience", "lifetime"]) {
      document.getElementById("mint-" + name).placeholder = data[name] || "none";
    }
  };
  client.addEventListener("change", show);
  show();
}
