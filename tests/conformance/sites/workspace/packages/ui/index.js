exports.label = () => "a label of the workspace";
