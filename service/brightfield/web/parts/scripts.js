/** A request as a curl line, and as scripts for Python, MATLAB and Fiji. */

/** @typedef {{path: string, query: Record<string, string>, root: string, file: string, key: boolean}} Told */

/** @param {Told} told @returns {Record<string, string>} */
export function scripts(told) {
  return { curl: curl(told), Python: python(told), MATLAB: matlab(told), Fiji: fiji(told) };
}

/** The parameters beside the image, which is sent along. @param {Told} told */
const parameters = ({ query }) => Object.entries(query).filter(([name, value]) => name !== 'image' && value !== '');

/** @param {Told} told */
function url(told) {
  const text = new URLSearchParams(parameters(told)).toString();
  return `${told.root}/${told.path}${text ? `?${text}` : ''}`;
}

/** For a shell. @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** @param {Told} told */
function curl(told) {
  const key = told.key ? ' -H "Authorization: Bearer $BRIGHTFIELD_API_KEY"' : '';
  return `curl -sS --fail-with-body${key} --data-binary ${quoted(`@${told.file}`)} ${quoted(url(told))}`;
}

/** @param {Told} told */
function python(told) {
  const key = told.key ? 'import os\n' : '';
  const headers = told.key ? ', headers={"Authorization": "Bearer " + os.environ["BRIGHTFIELD_API_KEY"]}' : '';
  return `import json
${key}from urllib.parse import urlencode
from urllib.request import Request, urlopen

parameters = ${JSON.stringify(Object.fromEntries(parameters(told)), null, 4)}
with open(${JSON.stringify(told.file)}, "rb") as image:
    url = ${JSON.stringify(`${told.root}/${told.path}?`)} + urlencode(parameters)
    with urlopen(Request(url, data=image.read()${headers})) as reply:
        answer = json.load(reply)
print(json.dumps(answer["result"], indent=2)[:2000])
`;
}

/** @param {Told} told */
function matlab(told) {
  const text = (/** @type {string} */ value) => `"${value.replaceAll('"', '""')}"`;
  const key = told.key ? `, "HeaderFields", ["Authorization", "Bearer " + getenv("BRIGHTFIELD_API_KEY")]` : '';
  return `file = fopen(${text(told.file)});
bytes = fread(file, Inf, "*uint8")';
fclose(file);
parameters = struct(${parameters(told).filter(([name]) => name !== 'model').map(([name, value]) => `${text(name)}, ${text(value)}`).join(', ')});
body = struct("image", struct("data", matlab.net.base64encode(bytes)), ...
${told.query.model ? `              "model", ${text(told.query.model)}, ...\n` : ''}              "parameters", parameters);
options = weboptions("MediaType", "application/json", "Timeout", 300${key});
reply = webwrite(${text(`${told.root}/${told.path}`)}, body, options);
disp(reply.result)
`;
}

/** @param {Told} told */
function fiji(told) {
  const key = told.key ? ', "-H", "Authorization: Bearer YOUR_KEY"' : '';
  return `// The active image is sent; run it as a macro of ImageJ or Fiji.
file = getDirectory("temp") + "brightfield.tif";
run("Duplicate...", "title=brightfield");
saveAs("Tiff", file);
close();
print(exec("curl", "-sS"${key}, "--data-binary", "@" + file, ${JSON.stringify(url(told))}));
`;
}
