"""Those of scikit-learn's checks that ask nothing of an array of rows; the others, and why they do not apply."""

from __future__ import annotations

import pytest
from sklearn.utils import estimator_checks

from nni_nasplus import EventClassifier, EventRegressor, ImageClassifier

APPLICABLE = [
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_estimators_unfitted",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]
ARRAYS = "X is a table of one row an event, and y has an entry a user: an array has neither ids nor times"
SHOWN = "fits an array too; tests/estimators/test_events.py and test_fit.py show the same of tables"
FOREIGN = {
    "check_array_api_input": ARRAYS,
    "check_classifier_data_not_an_array": ARRAYS,
    "check_classifiers_classes": SHOWN,
    "check_classifiers_one_label": SHOWN,
    "check_classifiers_one_label_sample_weights": "there are no sample weights",
    "check_classifiers_regression_target": ARRAYS,
    "check_classifiers_train": ARRAYS,
    "check_complex_data": ARRAYS,
    "check_decision_proba_consistency": "there is no decision function",
    "check_dict_unchanged": SHOWN,
    "check_dont_overwrite_parameters": SHOWN,
    "check_dtype_object": ARRAYS,
    "check_estimator_sparse_array": ARRAYS,
    "check_estimator_sparse_matrix": ARRAYS,
    "check_estimator_sparse_tag": ARRAYS,
    "check_estimators_dtypes": ARRAYS,
    "check_estimators_empty_data_messages": SHOWN,
    "check_estimators_fit_returns_self": SHOWN,
    "check_estimators_overwrite_params": SHOWN,
    "check_estimators_partial_fit_n_features": "there is no partial_fit",
    "check_estimators_pickle": SHOWN,
    "check_f_contiguous_array_estimator": ARRAYS,
    "check_fit1d": ARRAYS,
    "check_fit2d_1feature": ARRAYS,
    "check_fit2d_1sample": ARRAYS,
    "check_fit2d_predict1d": ARRAYS,
    "check_fit_check_is_fitted": SHOWN,
    "check_fit_idempotent": SHOWN,
    "check_fit_score_takes_y": "wants the second argument to be called y",
    "check_methods_sample_order_invariance": SHOWN,
    "check_methods_subset_invariance": SHOWN,
    "check_n_features_in": SHOWN,
    "check_n_features_in_after_fitting": ARRAYS,
    "check_non_transformer_estimators_n_iter": "there is no max_iter",
    "check_pipeline_consistency": ARRAYS,
    "check_positive_only_tag_during_fit": ARRAYS,
    "check_readonly_memmap_input": ARRAYS,
    "check_requires_y_none": ARRAYS,
    "check_supervised_y_2d": ARRAYS,
    "check_supervised_y_no_nan": SHOWN,
}


class OfArrays(EventClassifier):
    """One that claims to take arrays, of which scikit-learn then checks everything."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.no_validation = True, False
        return tags


@pytest.mark.parametrize("kind", [EventClassifier, EventRegressor, ImageClassifier])
@pytest.mark.parametrize("name", APPLICABLE)
def test_it_passes_the_checks_that_ask_for_no_array(name, kind):
    getattr(estimator_checks, name)(kind.__name__, kind())


def test_every_other_check_has_its_reason():
    checks = [check for _, check in estimator_checks.estimator_checks_generator(OfArrays())]
    names = {getattr(check.func, "func", check.func).__name__ for check in checks}
    assert names >= set(APPLICABLE)
    assert names - set(APPLICABLE) == names & set(FOREIGN)


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("kind", [EventClassifier, EventRegressor, ImageClassifier])
def test_scikit_learn_itself_leaves_out_what_needs_an_array(kind):
    with pytest.warns(estimator_checks.SkipTestWarning, match="requires input  of type InputTags"):
        estimator_checks.check_estimator(kind())
