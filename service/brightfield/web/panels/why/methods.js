/** What each method asks of a model, and what it cannot say; in the words of docs/how-to/read-a-map.md. */

/** @typedef {{name: string, title: string, cannot: string}} Method */

/** @type {readonly Method[]} */
export const METHODS = [
  { name: 'grad_cam', title: 'Grad-CAM', cannot: 'Details: the layer is coarse, often 7 x 7, and the picture is enlarged. Evidence against the class is cut off; `relu=false` shows it.' },
  { name: 'occlusion', title: 'Occlusion', cannot: 'Anything finer than the window. If either of two places is enough for the model, both look unimportant. The hidden image is an unusual image itself: try two baselines.' },
  { name: 'gradient', title: 'Gradient', cannot: 'Which pixels the score consists of. A pixel can matter and have no gradient if the model is saturated. The map is noisy.' },
  { name: 'smoothgrad', title: 'SmoothGrad', cannot: 'The same, with less noise.' },
  { name: 'input_x_gradient', title: 'Input x gradient', cannot: "Anything about pixels at the card's mean: their value is always 0." },
  { name: 'integrated_gradients', title: 'Integrated grad.', cannot: 'Anything without its baseline. Pixels that look like the baseline get 0.' },
  { name: 'hires_cam', title: 'HiResCAM', cannot: 'Details, as for Grad-CAM. With more layers behind it, the map is one step of a gradient, and not a sum.' },
  { name: 'layer_cam', title: 'LayerCAM', cannot: "Evidence against the class: negative gradients don't count." },
  { name: 'guided_backprop', title: 'Guided backprop', cannot: 'Which class it is: the picture hardly depends on the class or on the weights of the last layers. The reply warns about this.' },
  { name: 'guided_grad_cam', title: 'Guided Grad-CAM', cannot: 'More about the place than Grad-CAM says; the fine lines come from guided backpropagation.' },
  { name: 'lrp', title: 'Relevance (LRP)', cannot: 'What another rule would say: try `rule=epsilon` and `rule=gamma`. With `z_plus` in the convolutions little speaks against a class. What the biases got is in no pixel; `relevance` in the reply says how much that is.' },
  { name: 'attention_rollout', title: 'Attention rollout', cannot: "What it sees there: the map is the same for every class, as the reply warns. Attention isn't all that a transformer computes." },
  { name: 'attention_relevance', title: 'Attention relevance', cannot: 'Evidence against the class. The values have no unit; only their order means something.' },
  { name: 'rise', title: 'RISE', cannot: 'Small effects: it is an average over random masks, and few masks leave noise. A masked image is an unusual image itself.' },
  { name: 'kernel_shap', title: 'Shapley values', cannot: "Anything finer than a region. The values say how the model shares its score among regions on average over all ways of hiding the others, so they aren't the drop when one region alone is hidden: `hide` measures that." },
];

const PERTURBING = ['occlusion', 'rise', 'kernel_shap'];

/** Where a method is asked. @param {string} name */
export const endpointOf = (name) => (PERTURBING.includes(name) ? 'occlusion' : 'saliency');

/** The method of a name, the first if there is none. @param {string} name @returns {Method} */
export const methodOf = (name) => METHODS.find((each) => each.name === name) || METHODS[0];
